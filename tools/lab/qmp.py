#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Gives a running QEMU one command and waits until it has been done.

  qmp.py SOCKET COMMAND [KEY=VALUE...] [wait=EVENT]

QEMU was started with -qmp unix:SOCKET,server=on,wait=off. Values that are JSON
are taken as such, others as strings. With wait=, the status is 0 only if the
event comes within a minute after the command.
"""

import json
import socket
import sys

SECONDS = 60


def parse(pair):
    key, equals, value = pair.partition("=")
    if not equals:
        sys.exit(f"qmp.py: '{pair}' is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def receive(stream):
    line = stream.readline()
    if not line:
        sys.exit("qmp.py: QEMU hung up")
    return json.loads(line)


def execute(stream, command, arguments, events):
    """Returns the reply; events that come before it are kept."""
    request = {"execute": command, "arguments": arguments}
    stream.write(json.dumps(request) + "\n")
    stream.flush()
    while True:
        message = receive(stream)
        if "event" in message:
            events.append(message["event"])
        elif "error" in message:
            sys.exit(f"qmp.py: {command}: {message['error']['desc']}")
        else:
            return message["return"]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    arguments = dict(parse(pair) for pair in sys.argv[3:])
    awaited = arguments.pop("wait", None)
    events = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(sys.argv[1])
        stream = connection.makefile("rw")
        receive(stream)
        execute(stream, "qmp_capabilities", {}, events)
        reply = execute(stream, sys.argv[2], arguments, events)
        try:
            while awaited and awaited not in events:
                events.append(receive(stream).get("event"))
        except TimeoutError:
            sys.exit(f"qmp.py: no {awaited} within {SECONDS} s")
    if reply:
        print(json.dumps(reply))


main()
