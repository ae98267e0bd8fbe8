"""Drives the kernel `moodlake` over Jupyter's protocol; reads steps as JSON on stdin, writes one result a line.

A step is {"code": str, "interrupt_after": seconds or null}; a result has status, text (all streams) and seconds.
"""
import json
import sys
import threading
import time

from jupyter_client import KernelManager

manager = KernelManager(kernel_name="moodlake")
manager.start_kernel(cwd=sys.argv[1])
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
try:
    for step in json.load(sys.stdin):
        text = []

        def hear(message):
            if message["msg_type"] == "stream":
                text.append(message["content"]["text"])

        interrupted = [None]
        if step.get("interrupt_after") is not None:

            def stop():
                interrupted[0] = time.monotonic()
                manager.interrupt_kernel()

            threading.Timer(step["interrupt_after"], stop).start()
        reply = client.execute_interactive(step["code"], output_hook=hear, timeout=60, allow_stdin=False)
        seconds = time.monotonic() - interrupted[0] if interrupted[0] else None
        print(json.dumps({"status": reply["content"]["status"], "text": "".join(text), "seconds": seconds}), flush=True)
        # tslab drops what arrives within 200 ms of an error.
        time.sleep(0.3)
finally:
    begun = time.monotonic()
    manager.shutdown_kernel()
    print(json.dumps({"status": "shutdown", "text": "", "seconds": time.monotonic() - begun}), flush=True)
