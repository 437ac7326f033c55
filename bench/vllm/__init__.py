"""The plugin in the real vLLM, on a CPU: `bench/vllm.sh` sets that up and runs all of this."""
