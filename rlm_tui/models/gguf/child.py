"""The process that holds a GGUF model: `python -m rlm_tui.models.gguf.child`, started by `server.py`.

It reads one line of JSON (what to load, and the key that requests must bring), loads, answers with one line of JSON
(the server's address, or what went wrong), and ends when its input does: also when its parent was killed.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    """Load the model and serve it on a loopback address until standard input ends."""
    wanted = json.loads(sys.stdin.readline())
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever llama.cpp prints is no answer
    try:
        server = _serve(wanted)
    except Exception as error:  # noqa: BLE001 - the outermost edge: the parent is told, in words
        print(json.dumps({"error": str(error)}), file=answer, flush=True)
        return
    print(json.dumps({"address": server.listening_address}), file=answer, flush=True)
    sys.stdin.read()
    os._exit(0)  # llama.cpp's own end waits for a reply that nobody wants any more


def _serve(wanted: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wanted["path"]
    params.model_alias = {wanted["name"]}
    params.n_ctx = wanted["context"] * wanted["parallel"]
    params.n_parallel = wanted["parallel"]
    if wanted["gpu_layers"] >= 0:
        params.n_gpu_layers = wanted["gpu_layers"]
    if wanted["threads"]:
        params.cpuparams.n_threads = wanted["threads"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [wanted["key"]]
    params.verbosity = 2  # errors and warnings: its log is a file that nobody sees, and a session can be long
    params.ui = params.endpoint_slots = False
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
