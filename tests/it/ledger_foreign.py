"""Reads a log with aics-tlog, a C2SP reader that shares nothing with the platform.

usage: ledger_foreign.py URL/ledger/ LOG_KEY WITNESS_KEY EARLIER_CHECKPOINT RECEIPT
"""

import base64
import hashlib
import json
import sys
import urllib.request

import aics_tlog as tlog

prefix, log_key, witness_key, earlier_file, receipt_file = sys.argv[1:]
log_key, witness_key = tlog.parse_vkey(log_key), tlog.parse_vkey(witness_key)


def judged(note, witnesses, quorum):
    result = tlog.verify_checkpoint(tlog.parse_note(note), log_key, witnesses, quorum, expected_origin=log_key.name)
    assert result.ok, result.error
    return result


newest = judged(urllib.request.urlopen(prefix + "checkpoint").read(), [witness_key], 1)
earlier = judged(open(earlier_file, "rb").read(), [], 0)
assert earlier.size < newest.size

source = tlog.HttpTileReader([prefix])
reader = tlog.VerifiedTileReader(source, newest.size, newest.root)
tlog.audit_tiles(reader, newest.size, newest.root)

proof = tlog.consistency_proof_from_tiles(reader, earlier.size, newest.size)
assert tlog.verify_consistency(earlier.size, newest.size, earlier.root, newest.root, proof)
# A reader that believes everything would prove nothing.
assert not tlog.verify_consistency(earlier.size, newest.size, newest.root, newest.root, proof)

receipt = json.load(open(receipt_file, "rb"))
index = receipt["leaf_index"]
salt, record = base64.b64decode(receipt["salt"]), base64.b64decode(receipt["record"])
commitment = hashlib.sha256(b"lgsp ledger entry v1\n" + salt + record).digest()
assert reader.entry(index) == commitment
path = tlog.inclusion_proof_from_tiles(reader, index, newest.size)
assert tlog.verify_leaf_inclusion(commitment, index, newest.size, path, newest.root)
assert not tlog.verify_leaf_inclusion(commitment[::-1], index, newest.size, path, newest.root)

print(json.dumps({"size": newest.size, "earlier": earlier.size, "witnesses": newest.witnesses, "version": tlog.__version__}))
