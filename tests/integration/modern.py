# SPDX-License-Identifier: MIT
"""Agents of both eras on their pipes, for 57-modern.sh: modern.py RUN KILL-COMMAND. Raw lines, as the SDKs write them."""
import json
import os
import select
import subprocess
import sys
import time

RUN, KILL = sys.argv[1:3]
TIMEOUT = float(os.environ.get("TEST_WAIT", "30"))
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
RELATED = "io.modelcontextprotocol/related-task"


def verdict(name, is_so, detail=""):
    print(("ok - " if is_so else "not ok - ") + name, flush=True)
    if not is_so:
        print("#   %s" % (detail,), flush=True)


class Agent:
    def __init__(self, agent, server):
        directory = os.path.join(RUN, agent, server)
        self.out = os.open(os.path.join(directory, "out"), os.O_RDONLY | os.O_NONBLOCK)
        self.into = os.open(os.path.join(directory, "in"), os.O_WRONLY)
        self.data = b""
        self.others = []  # what came while an answer was awaited

    def say(self, method, params=None, id=None):
        message = {"method": method, "params": params or {}, "jsonrpc": "2.0"}
        if id is not None:
            message["id"] = id
        os.write(self.into, (json.dumps(message, separators=(",", ":")) + "\n").encode())

    def hear(self, seconds=TIMEOUT):
        """The next message, or None."""
        end = time.monotonic() + seconds
        while b"\n" not in self.data:
            if not select.select([self.out], [], [], max(0, end - time.monotonic()))[0]:
                return None
            self.data += os.read(self.out, 1 << 16)
        line, self.data = self.data.split(b"\n", 1)
        return json.loads(line)

    def answer(self, id):
        while (message := self.hear()) is not None:
            if message.get("id") == id and "method" not in message:
                return message
            self.others.append(message)
        return {}

    def ask(self, method, params=None, id="q"):
        self.say(method, params, id)
        return self.answer(id)

    def call(self, tool, id="q", **params):
        return self.ask("tools/call", {"name": tool, "arguments": {}, "_meta": META, **params}, id)

    def notified(self, n):
        """The next n notifications."""
        while len(self.others) < n and (message := self.hear()) is not None:
            self.others.append(message)
        found, self.others = self.others[:n], self.others[n:]
        return found

    def initialize(self, version="2025-11-25"):
        client = {"name": "test", "version": "1"}
        got = self.ask("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": client}, 0)
        self.say("notifications/initialized")
        return got


def tagged(messages):
    return sorted((m["method"].split("/", 1)[1], json.dumps(m["params"]["_meta"][SUBSCRIPTION])) for m in messages)


def modern():
    one, two, three = Agent("one", "modern"), Agent("two", "modern"), Agent("three", "modern")
    found = one.ask("server/discover", {"_meta": META}).get("result", {})
    verdict("server/discover is the server's own", found.get("supportedVersions") == ["2026-07-28"], found)
    refused = three.initialize().get("error", {})
    verdict("an older initialize is refused with the versions that are there",
            refused.get("code") == -32022 and refused["data"]["supported"] == ["2026-07-28"], refused)

    tools = {"toolsListChanged": True}
    one.say("subscriptions/listen", {"_meta": META, "notifications": {**tools, "resourceSubscriptions": ["test://r"]}}, "L1")
    one.say("subscriptions/listen", {"_meta": META, "notifications": tools}, 44)
    got = tagged(one.notified(2))
    verdict("each listen is acknowledged with its id and type",
            got == [("subscriptions/acknowledged", '"L1"'), ("subscriptions/acknowledged", "44")], got)
    told = [("tools/list_changed", '"L1"'), ("tools/list_changed", "44")]
    two.call("change")
    got = tagged(one.notified(2))
    verdict("and is told of a change", got == told, got)

    two.say("tools/call", {"name": "hang", "arguments": {}, "_meta": META}, "hang")
    subprocess.run(KILL, shell=True, check=True, stdout=subprocess.DEVNULL)
    got = two.answer("hang").get("error", {})
    verdict("a call in flight at the server's end is an error", got.get("code") == -32603, got)
    got = tagged(one.notified(3))
    verdict("the listens go on with the next server, and are told what may have changed",
            got == [("resources/updated", '"L1"')] + told, got)
    two.call("change")
    got = tagged(one.notified(2))
    verdict("that one's changes come, and no second acknowledgement", got == told, got)
    one.say("notifications/cancelled", {"requestId": 44})
    two.call("change")
    got = tagged(one.notified(1)) + [one.hear(0.5)]
    verdict("a listen that was taken back is silent", got == [told[0], None], got)


def both():
    one, two = Agent("one", "both"), Agent("two", "both")
    got = two.ask("server/discover", {"_meta": META}).get("error", {})
    verdict("a server that has both eras is spoken to in the older one", got.get("code") == -32601, got)
    got = two.call("change").get("error", {})
    verdict("where a newer request is refused with the versions that are there",
            got.get("code") == -32022 and "2025-11-25" in got["data"]["supported"], got)
    got = one.initialize().get("result", {})
    verdict("and an older client is served", got.get("serverInfo", {}).get("name") == "modern", got)


def tasks():
    one, two = Agent("one", "everything"), Agent("two", "everything")
    offered = one.initialize().get("result", {}).get("capabilities", {}).get("tasks")
    two.initialize()
    verdict("tasks are offered, but their list is not", offered is not None and "list" not in offered, offered)
    made = one.call("simulate-research-query", arguments={"topic": "x"}, task={"ttl": 60000}, _meta={"progressToken": 1})
    task = made.get("result", {}).get("task", {}).get("taskId")
    verdict("a call becomes a task", task is not None, made)
    got = [two.ask("tasks/" + verb, {"taskId": task}).get("error", {}).get("code") for verb in ("get", "result", "cancel")]
    verdict("which another agent may neither see, await nor cancel", got == [-32602] * 3, got)
    got = one.ask("tasks/get", {"taskId": task}).get("result", {}).get("status")
    verdict("and its own may", got == "working", got)
    got = one.ask("tasks/result", {"taskId": task}, "wait").get("result", {})
    verdict("its result is waited for", got.get("_meta", {}).get(RELATED, {}).get("taskId") == task, got)
    got = [m["params"].get("taskId") for m in one.others if m.get("method") == "notifications/tasks/status"]
    verdict("its agent was told of its progress", got and set(got) == {task}, got)
    got = [two.hear(0.2)] + two.others
    verdict("and nobody else", not any(m and "tasks" in m.get("method", "") for m in got), got)


modern()
both()
tasks()
