#!/usr/bin/env python3
"""A document system's side of the axis in its provincial REST flavour, in the Python standard library only.

It logs in, sends edXML packets as forms, and takes what waits. An existing system moves to this platform by changing its address and its
credentials, so this client knows nothing of the platform but the description of the protocol.

    axis_rest_client.py --endpoint http://localhost:8080/axis --system H99.14-QLVB --secret … send packet.edxml
    axis_rest_client.py …  receive --to-dir inbox        # list, fetch, keep packet and attachments, report 01 and 03
    axis_rest_client.py …  list | agencies | update DOC_ID STATUS
"""

import argparse
import base64
import hashlib
import http.client
import json
import pathlib
import secrets
import sys
import time
import urllib.parse

# A session lasts 30 minutes; a new one is opened a little earlier.
SESSION_SECONDS = 29 * 60


class AxisError(Exception):
    """The axis answered success: false."""

    def __init__(self, code, text):
        super().__init__("%s %s" % (code, text))
        self.code = code


class Axis:
    def __init__(self, endpoint, system, secret, timeout=60):
        self.url = urllib.parse.urlsplit(endpoint)
        self.system, self.secret, self.timeout = system, secret, timeout
        self.token, self.until = None, 0.0

    def request(self, verb, call, body=None, content_type="application/json", headers=None):
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        conn = kind(self.url.hostname, self.url.port, timeout=self.timeout)
        try:
            path = self.url.path.rstrip("/") + "/v1/" + call
            conn.request(verb, path, body=body, headers={"Content-Type": content_type, **(headers or {})})
            content = conn.getresponse().read()
        finally:
            conn.close()
        try:
            value = json.loads(content)
        except ValueError:
            raise AxisError("?", content[:200].decode("utf-8", "replace")) from None
        if value.get("success") is not True:
            data = value.get("data") or {}
            raise AxisError(data.get("errorCode", "?"), data.get("errorDesc") or value.get("message"))
        return value

    def login(self):
        body = {"username": self.system, "password": self.secret, "applicationCode": "EXAMPLE",
                "otp": None, "twoFactorProvider": None, "typeObjs": [0, 1]}
        value = self.request("POST", "auth/login?allow_anonymous=true", json.dumps(body))
        self.token, self.until = value["data"]["token"], time.monotonic() + SESSION_SECONDS

    def call(self, verb, call, body=None, content_type="application/json"):
        if self.token is None or time.monotonic() >= self.until:
            self.login()
        head = {"Authorization": "Bearer " + self.token, "X-SystemId": self.system, "X-SecretKey": self.secret}
        return self.request(verb, call, body, content_type, head)

    def send(self, name, content, message_type="edoc"):
        boundary = "----" + secrets.token_hex(16)
        head = ('--%s\r\nContent-Disposition: form-data; name="edocFile"; filename="%s.edxml"\r\n'
                "Content-Type: application/xml\r\n\r\n" % (boundary, name))
        tail = ('\r\n--%s\r\nContent-Disposition: form-data; name="messageType"\r\n\r\n%s\r\n--%s--\r\n'
                % (boundary, message_type, boundary))
        body = head.encode() + content + tail.encode()
        return self.call("POST", "sendEdoc", body, "multipart/form-data; boundary=" + boundary)["docId"]

    def received(self, message_type="edoc"):
        return self.call("GET", "syncReceivedEdocList?messageType=" + message_type)["data"] or []

    def fetch(self, doc_id):
        return self.call("GET", "getEdoc?" + urllib.parse.urlencode({"docId": doc_id}))["data"]

    def update(self, doc_id, status):
        self.call("POST", "updateStatus", json.dumps({"docId": doc_id, "status": status}))


def receive(axis, folder):
    """One turn of the receiver's loop: list, fetch, keep, report 01 and 03."""
    taken = []
    for item in axis.received():
        packet = axis.fetch(item["docId"])
        place = folder / item["docId"]
        place.mkdir(parents=True, exist_ok=True)
        content = packet["edxml"].encode("utf-8")
        (place / "packet.edxml").write_bytes(content)
        files = []
        for number, file in enumerate(packet["attachments"], 1):
            # The name is a stranger's: only its extension is used for a file of ours.
            suffix = "".join(c for c in pathlib.PurePath(file["fileName"]).suffix if c.isalnum())[:8]
            (place / ("%d.%s" % (number, suffix or "bin"))).write_bytes(base64.b64decode(file["fileContent"]))
            files.append(file["fileName"])
        for status in ("01", "03"):
            axis.update(item["docId"], status)
        taken.append({"docId": item["docId"], "from": packet["from"], "fromName": packet["fromName"],
                      "edocCode": packet["edocCode"], "sha256": hashlib.sha256(content).hexdigest(), "files": files})
    for item in axis.received("status"):
        axis.fetch(item["docId"])
        axis.update(item["docId"], "done")
    return taken


def main():
    parser = argparse.ArgumentParser(description="Send and receive documents over the axis's REST flavour")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--system", required=True)
    parser.add_argument("--secret", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send")
    send.add_argument("file", type=pathlib.Path)
    receiver = commands.add_parser("receive")
    receiver.add_argument("--to-dir", type=pathlib.Path, default=pathlib.Path("inbox"))
    update = commands.add_parser("update")
    update.add_argument("doc_id")
    update.add_argument("status")
    for name in ("list", "agencies"):
        commands.add_parser(name)
    args = parser.parse_args()
    axis = Axis(args.endpoint, args.system, args.secret)
    if args.command == "send":
        result = {"docId": axis.send("packet", args.file.read_bytes())}
    elif args.command == "receive":
        result = receive(axis, args.to_dir)
    elif args.command == "update":
        axis.update(args.doc_id, args.status)
        result = {"docId": args.doc_id, "status": args.status}
    elif args.command == "list":
        result = axis.received()
    else:
        result = axis.call("GET", "getAgenciesList")["data"]
    json.dump(result, sys.stdout, ensure_ascii=False, indent=2)
    print()


if __name__ == "__main__":
    try:
        main()
    except AxisError as error:
        sys.exit("axis: %s" % error)
