"""numba's disk cache of compiled kernels, in one folder for all processes of the same sources, each kernel compiled once.

See kernel_folder.py for where it is. Every file bears a checksum: a damaged one is compiled anew, and standard error says
so. Kernels defined elsewhere than in this package lie where numba puts them.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast
from weakref import WeakSet

import numba
import numba.core.caching
import numba.core.compiler_lock

from agentfast.runtime.jit import cold_start
from agentfast.runtime.jit.kernel_folder import CAN_LOCK, SOURCES, kernel_folder, locked, sources_stamp

_caching: Any = cast("Any", numba).core.caching  # none of it has types
_compiler_lock: Any = cast("Any", numba).core.compiler_lock.global_compiler_lock
_DIGEST: Final = 4  # bytes of a checksum


def keep_on_disk(dispatcher: Any) -> None:
    """Cache a dispatcher's compiled variants on disk, if a folder for them can be written."""
    try:
        kept = _KernelCache(dispatcher.py_func)
    except (RuntimeError, OSError):  # numba says so where nothing can be written
        return
    dispatcher._cache = kept
    if CAN_LOCK and isinstance(kept._impl.locator, _SharedFolder):
        dispatcher.compile = _by_one_process(
            dispatcher.compile, Path(kept._cache_path), kept._impl.filename_base
        )


class _SharedFolder(_caching._CacheLocator):  # type: ignore[misc]
    """numba's cache locator for the kernels of this package."""

    def __init__(self, folder: Path, function: Any) -> None:
        self._folder = folder / function.__module__
        self._line: int = function.__code__.co_firstlineno
        self._py_file: str = function.__code__.co_filename  # numba names it where it warns

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _SharedFolder | None:
        if not Path(py_file).resolve().is_relative_to(SOURCES):
            return None
        return cls(kernel_folder().path, py_func)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return ""

    def get_disambiguator(self) -> str:
        return str(self._line)


class _KernelCacheImpl(_caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_SharedFolder, *_caching.CompileResultCacheImpl._locator_classes]  # noqa: RUF012


class _CheckedFile(_caching.IndexDataCacheFile):  # type: ignore[misc]
    """numba's index and data files, each after a checksum of its content."""

    def _load_index(self) -> dict[Any, str]:
        try:
            stamp, overloads = pickle.loads(self._read(self._index_path))
        except FileNotFoundError:
            return {}
        except Exception as error:  # noqa: BLE001  (what pickle may raise is not known: a type may have been renamed)
            self._warn(self._index_path, error)
            return {}
        return overloads if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, self._dump((self._source_stamp, overloads)))

    def _load_data(self, name: str) -> Any:
        path = self._data_path(name)
        try:
            return pickle.loads(self._read(path))
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001  (as above)
            self._warn(path, error)
            return None

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), self._dump(data))

    def _read(self, path: str) -> bytes:
        content = Path(path).read_bytes()
        if content[:_DIGEST] != _digest(content[_DIGEST:]):
            raise ValueError("its checksum is wrong")
        return content[_DIGEST:]

    def _write(self, path: str, content: bytes) -> None:
        with self._open_for_write(path) as file:
            file.write(_digest(content) + content)

    @staticmethod
    def _warn(path: str, error: Exception) -> None:
        cold_start.begin_anew(f"{path} is damaged ({error!r})")


def _digest(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_DIGEST, "little")


_refreshed: Final = WeakSet[Any]()


class _KernelCache(_caching.FunctionCache):  # type: ignore[misc]
    """numba's cache of a function's variants; a failed write is ignored, as it only makes the next process slower."""

    _impl_class = _KernelCacheImpl

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), sources_stamp(SOURCES)
        self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        # Once: it makes the functions known that kernels call. numba does it before each, which takes as long as loading.
        if target_context not in _refreshed:
            target_context.refresh()
            _refreshed.add(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


def _by_one_process(compile_one: Callable[[Any], Any], folder: Path, name: str) -> Callable[[Any], Any]:
    """`Dispatcher.compile` under a file lock: a process that waits for another one finds the kernel on disk.

    Deadlock-free: the process's own compiler lock comes first, so the thread that waits for a file lock is the only one
    that holds any; file locks are taken from caller to callee, which has no cycles.
    """

    def compile_alone(signature: Any) -> Any:
        with _compiler_lock, _held(folder / f"{name}.lock"):
            return compile_one(signature)

    return compile_alone


_ours: Final = set[Path]()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a file's lock, if it can be had; a kernel that is compiled within itself, for other types, has it already."""
    with ExitStack() as stack:
        if path not in _ours:
            with suppress(OSError):
                stack.enter_context(locked(path))
                _ours.add(path)
                stack.callback(_ours.discard, path)
        yield
