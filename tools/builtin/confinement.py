"""Confinement of the process it is run in, by Linux's own means that need no privileges.

Run as a program: `python -I -S confinement.py FOLDER CPU_SECONDS MEMORY_BYTES FILE_BYTES` reads a program from standard
input and runs it with resource limits, in a Landlock domain (read and execute the system's and Python's files, write to
FOLDER alone) and under a seccomp filter (no network, no other programs and processes, no signals to others). The file
imports nothing of agentfast.

Sources: landlock(7), seccomp(2), bpf's struct sock_filter in linux/filter.h, system call numbers in asm/unistd.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import stat
import struct
import sys
import traceback

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every machine
_READ_FOLDER = 0b1000
_READ = 0b1 | 0b100 | _READ_FOLDER  # execute, read a file, read a folder
_ALL_OF_FIRST = (1 << 13) - 1  # what the first version of Landlock handles
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
)

# Numbers of system calls by machine: those that are refused, clone, and clone3.
_REFUSED = {
    "x86_64": (
        0xC000003E,
        # socket connect accept sendto bind listen socketpair fork vfork execve kill ptrace
        (41, 42, 43, 44, 49, 50, 53, 57, 58, 59, 62, 101),
        56,
    ),
    "aarch64": (
        0xC00000B7,
        # socket socketpair bind listen accept connect sendto execve kill ptrace
        (198, 199, 200, 201, 202, 203, 206, 221, 129, 117),
        220,
    ),
}
# execveat pidfd_send_signal io_uring_setup io_uring_enter pidfd_open pidfd_getfd, the same on both
_REFUSED_EVERYWHERE = {"x86_64": (322, 424, 425, 426, 434, 438), "aarch64": (281, 424, 425, 426, 434, 438)}
# unshare mount setns bpf perf_event_open keyctl userfaultfd process_vm_readv process_vm_writev pivot_root chroot
# kexec_load prlimit64 setrlimit
_PRIVILEGED = {
    "x86_64": (272, 165, 308, 321, 298, 250, 323, 310, 311, 155, 161, 246, 302, 160),
    "aarch64": (97, 40, 268, 280, 241, 219, 282, 270, 271, 41, 51, 104, 261, 164),
}
_CLONE3 = 435
_CLONE_THREAD = 0x10000

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38


def is_supported() -> bool:
    """Test whether this machine can confine a process so."""
    if sys.platform != "linux" or platform.machine() not in _REFUSED:
        return False
    return landlock_version() >= 1


def landlock_version() -> int:
    """Version of Landlock that the kernel has, -1 for none."""
    return int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def seccomp_program(machine: str) -> bytes:
    """The filter's instructions, as `struct sock_filter`s."""
    arch, refused, clone = _REFUSED[machine]
    numbers = (*refused, *_REFUSED_EVERYWHERE[machine], *_PRIVILEGED[machine])
    tail = [
        (_JUMP_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERROR | _ENOSYS),  # libraries fall back to clone, whose flags can be read
        (_JUMP_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, 16),  # the first argument
        (_JUMP_SET, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _ERROR | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    body: list[tuple[int, int, int, int]] = []
    for number in numbers:
        body += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | _EPERM)]
    head = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # the system call
        (_JUMP_ABOVE, 0, 1, 0x40000000),  # x86's second set of numbers
        (_RETURN, 0, 0, _ERROR | _EPERM),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in [*head, *body, *tail])


def confine(folder: str, cpu_seconds: int, memory_bytes: int, file_bytes: int) -> None:
    """Confine this process for good.

    Raises:
        OSError: the kernel refuses a part.
    """
    limits = {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _confine_files(libc, folder)
    program = ctypes.create_string_buffer(seccomp_program(platform.machine()))
    count = (len(program) - 1) // 8
    header = struct.pack("HxxxxxxP", count, ctypes.addressof(program))
    _check(libc.prctl(_SECCOMP, _FILTER, ctypes.c_char_p(header), 0, 0))


def _confine_files(libc: ctypes.CDLL, folder: str) -> None:
    version = landlock_version()
    handled = _ALL_OF_FIRST | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("Q", handled)
    rules = _check(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    readable = {*_SYSTEM, sys.prefix, sys.base_prefix, *(path for path in sys.path if path)}
    for path, access in [(folder, handled), *((path, _READ) for path in sorted(readable))]:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= ~_READ_FOLDER
        _check(libc.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", access, descriptor), 0))
        os.close(descriptor)
    _check(libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def main() -> None:
    """Confine this process, then run the program on standard input."""
    folder, *numbers = sys.argv[1:]
    source = sys.stdin.buffer.read()
    confine(folder, *map(int, numbers))
    sys.argv = ["<program>"]
    try:
        exec(compile(source, "<program>", "exec"), {"__name__": "__main__"})
    except Exception as error:  # noqa: BLE001  (whatever the program raises)
        frames = error.__traceback__
        traceback.print_exception(type(error), error, frames and frames.tb_next)  # without this file's own
        sys.exit(1)


if __name__ == "__main__":
    main()
