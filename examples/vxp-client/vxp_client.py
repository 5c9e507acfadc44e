#!/usr/bin/env python3
"""A document system's side of the document axis (VXP), in the Python standard library only.

It speaks as the usual connector does: parameters are header fields, the signature is an HMAC-SHA256 over a JSON copy of them, the file
hash is printed without leading zeros of each byte, a line end follows the file. An existing system moves to this platform by changing its
endpoint, so this client knows nothing of the platform but the address.

    vxp_client.py --endpoint http://localhost:8080/vxp --system H99.14-QLVB --secret … send packet.edxml --from H99.14
    vxp_client.py …  receive --to-dir inbox           # list, fetch, acknowledge, report 01 and 03
    vxp_client.py …  list | sent | count | agencies
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import sys
import urllib.parse
from xml.sax.saxutils import escape

PREFIX = "XroadVnpt-"
# Times in messages are Vietnamese local time without a zone.
VIETNAM = datetime.timezone(datetime.timedelta(hours=7))
STATUS_WORDS = {"01": "Văn bản đã đến hệ thống", "03": "Văn bản đã được tiếp nhận"}


class AxisError(Exception):
    """The axis answered FAIL."""


class Axis:
    def __init__(self, endpoint, system, secret, timeout=30):
        self.url = urllib.parse.urlsplit(endpoint)
        self.system, self.secret, self.timeout = system, secret.encode(), timeout
        now = datetime.datetime.now(VIETNAM)
        # Fixed once, as connectors do; what follows the plus sign is milliseconds, not a zone.
        self.timestamp = now.strftime("%d%m%YT%H%M%S") + "+%04d" % (now.microsecond // 1000)

    def call(self, method, params=None, body=b"", content_type="application/json", verb="POST", raw=False):
        fields = {"systemid": self.system, **(params or {}), "timestamp": self.timestamp, "Content-Type": content_type}
        signed = json.dumps({PREFIX + k: v for k, v in fields.items()}, ensure_ascii=False, separators=(",", ":"))
        head = {PREFIX + k: v for k, v in fields.items()}
        head["Content-Type"] = content_type
        head[PREFIX + "sign-header-key"] = ";".join(fields)
        head[PREFIX + "sign-header"] = signed
        head[PREFIX + "hash-header"] = hmac.new(self.secret, signed.encode(), hashlib.sha256).hexdigest()
        head[PREFIX + "version"] = "3.0.201608"
        head["User-Agent"] = "JAVASDKAgent/1.0.0 XRoad/VPCP"
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        conn = kind(self.url.hostname, self.url.port, timeout=self.timeout)
        try:
            conn.request(verb, self.url.path.rstrip("/") + "/" + method, body=body, headers=head)
            answer = conn.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise AxisError("HTTP %d: %s" % (answer.status, content[:300].decode("utf-8", "replace")))
            if raw:
                return content
        finally:
            conn.close()
        value = json.loads(content)
        if value.get("status") != "OK":
            raise AxisError("%s %s" % (value.get("ErrorCode"), value.get("ErrorDesc")))
        return value

    def send(self, content, sender, message_type="edoc", to=None):
        file_hash = "".join("%x" % byte for byte in hashlib.sha256(content).digest())
        params = {"from": sender, "servicetype": "eDoc", "messagetype": message_type, "hash-file": file_hash}
        if to:
            params["to"] = json.dumps(to, separators=(",", ":"))
        return self.call("sendEdoc", params, content + b"\r\n", "application/octet-stream")["DocId"]

    def received(self, message_type="edoc"):
        return self.call("getReceivedEdocList", {"servicetype": "eDoc", "messagetype": message_type})["data"] or []

    def fetch(self, doc_id):
        return base64.b64decode(self.call("getEdoc", {"docId": doc_id, "filePath": "inbox"}, b"{}")["data"])

    def done(self, doc_id, status="done"):
        self.call("updateStatus", {"docId": doc_id, "status": status}, b"{}")

    def sent(self, doc_id, message_type="edoc"):
        return self.call("getSentEdocList", {"servicetype": "eDoc", "messagetype": message_type, "docId": doc_id})["data"]


def text_of(packet, *path):
    """The first text at a path of local names; enough for this example, a real system uses an XML reader."""
    for name in path[:-1]:
        found = re.search(r"<(?:\w+:)?%s>(.*?)</(?:\w+:)?%s>" % (name, name), packet, re.S)
        packet = found.group(1) if found else ""
    found = re.search(r"<(?:\w+:)?%s>([^<]*)</" % path[-1], packet)
    return found.group(1) if found else ""


def status_message(packet, reporter, code):
    """The status message (QCVN 102) that answers a received packet."""
    now = datetime.datetime.now(VIETNAM).strftime("%Y/%m/%d %H:%M:%S")
    number = "%s/%s" % (text_of(packet, "Code", "CodeNumber"), text_of(packet, "Code", "CodeNotation"))
    head = """<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">
  <edXML:edXMLEnvelope xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From><edXML:OrganId>{reporter}</edXML:OrganId><edXML:OrganName>{reporter}</edXML:OrganName></edXML:From>
        <edXML:ResponseFor>
          <edXML:OrganId>{sender}</edXML:OrganId>
          <edXML:Code>{number}</edXML:Code>
          <edXML:PromulgationDate>{date}</edXML:PromulgationDate>
          <edXML:DocumentId>{document}</edXML:DocumentId>
        </edXML:ResponseFor>
        <edXML:StatusCode>{code}</edXML:StatusCode>
        <edXML:Description>{words}</edXML:Description>
        <edXML:Timestamp>{now}</edXML:Timestamp>
      </edXML:MessageHeader>
    </edXML:edXMLHeader>
  </edXML:edXMLEnvelope>
</edXML>
"""
    return head.format(
        reporter=escape(reporter),
        sender=text_of(packet, "From", "OrganId"),
        number=number,
        date=text_of(packet, "PromulgationInfo", "PromulgationDate"),
        document=text_of(packet, "DocumentId"),
        code=code,
        words=escape(STATUS_WORDS.get(code, code)),
        now=now,
    ).encode()


def receive(axis, folder):
    """One turn of the receiver's loop: list, fetch, keep, acknowledge, report 01 and 03."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for item in axis.received():
        content = axis.fetch(item["docId"])
        (folder / (item["docId"] + ".edxml")).write_bytes(content)
        axis.done(item["docId"])
        packet = content.decode("utf-8")
        for code in ("01", "03"):
            axis.send(status_message(packet, item["to"], code), item["to"], "status")
        taken.append({"docId": item["docId"], "from": item["from"], "sha256": hashlib.sha256(content).hexdigest()})
    for item in axis.received("status"):
        axis.fetch(item["docId"])
        axis.done(item["docId"])
    return taken


def main():
    parser = argparse.ArgumentParser(description="Send and receive documents over the document axis")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--system", required=True)
    parser.add_argument("--secret", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send")
    send.add_argument("file", type=pathlib.Path)
    send.add_argument("--from", dest="sender", required=True)
    receiver = commands.add_parser("receive")
    receiver.add_argument("--to-dir", type=pathlib.Path, default=pathlib.Path("inbox"))
    sent = commands.add_parser("sent")
    sent.add_argument("doc_id")
    for name in ("list", "count", "agencies"):
        commands.add_parser(name)
    args = parser.parse_args()
    axis = Axis(args.endpoint, args.system, args.secret)
    if args.command == "send":
        result = {"DocId": axis.send(args.file.read_bytes(), args.sender)}
    elif args.command == "receive":
        result = receive(axis, args.to_dir)
    elif args.command == "sent":
        result = axis.sent(args.doc_id)
    elif args.command == "list":
        result = axis.received()
    elif args.command == "count":
        result = {"count": axis.call("countReceiveEdoc", body=b"{}")["count"]}
    else:
        result = axis.call("getAgenciesList")["data"]
    json.dump(result, sys.stdout, ensure_ascii=False, indent=2)
    print()


if __name__ == "__main__":
    try:
        main()
    except AxisError as error:
        sys.exit("axis: %s" % error)
