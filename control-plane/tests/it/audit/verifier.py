"""Verifies proofs and exports of the sealed audit trail with nothing but the log's public key.

    verifier.py KEY proofs FILE    FILE: the answer of GET /payments/{id}/events/proof, with the payment's events under
                                   "events"
    verifier.py KEY export FILE    FILE: what `control-plane audit export` prints

Written from the specifications alone: RFC 6962 and RFC 9162 (the tree), RFC 8785 (canonical JSON),
https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint and https://c2sp.org/tlog-proof; restore notes as
docs/security.md describes them. Exits 1, and says why, if anything is not as it should be.
"""

import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """Something is not what was sealed."""


def demand(is_so, what):
    if not is_so:
        raise Refused(what)


def decoded(text):
    return base64.b64decode(text, validate=True)


class Key:
    """A public key as `NAME+ID+KEY`."""

    def __init__(self, text):
        self.name, key_id, key = text.split("+", 2)
        typed = decoded(key)
        demand(typed[0] == 1 and len(typed) == 33, "the key is no Ed25519 key")
        digest = hashlib.sha256(self.name.encode() + b"\n" + typed).digest()
        self.key_id = digest[:4]
        demand(self.key_id.hex() == key_id, "the key's id is wrong")
        self.public = Ed25519PublicKey.from_public_bytes(typed[1:])

    def opened(self, note):
        """The text of a note that this key signed."""
        text, separator, signatures = note.rpartition("\n\n")
        demand(separator and signatures.endswith("\n"), "the note has no signatures")
        text += "\n"
        is_signed = False
        for line in signatures[:-1].split("\n"):
            demand(line.startswith("\u2014 "), "a signature line has another form")
            name, signature = line[2:].split(" ")
            raw = decoded(signature)
            if name != self.name or raw[:4] != self.key_id:
                continue
            try:
                self.public.verify(raw[4:], text.encode())
            except InvalidSignature:
                raise Refused("the signature is not the key's") from None
            is_signed = True
        demand(is_signed, "the key has not signed it")
        return text


def number(text):
    """A number in its one form."""
    demand(text.isdecimal() and str(int(text)) == text, "a number has another form")
    return int(text)


def of_log(key, origin):
    """Whether it is a name of the key's log."""
    return origin == key.name or origin.startswith(key.name + "/restored/")


def checkpoint(key, note):
    """Size and root of the tree in a signed checkpoint of the key's log."""
    origin, size, root = key.opened(note).split("\n")[:3]
    demand(of_log(key, origin), "it is a checkpoint of another log")
    return number(size), decoded(root)


def leaf_hash(data):
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def included(leaf, index, size, path, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            r = node_hash(p, r)
            if fn % 2 == 0:
                while fn % 2 == 0 and fn != 0:
                    fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def tree_hash(leaves):
    """RFC 6962, section 2.1, of hashes of leaves."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def record(text):
    """A record, which must be in the one form that RFC 8785 allows."""
    fields = json.loads(text)
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    demand(canonical == text, "a record is not in canonical form")
    demand(fields["v"] == 1, "a record has another version")
    return fields


def proved(key, one):
    """The record that a `c2sp.org/tlog-proof@v1` file proves."""
    head, separator, note = one["proof"].partition("\n\n")
    lines = head.split("\n")
    demand(separator and lines[0] == "c2sp.org/tlog-proof@v1", "the proof has another form")
    demand(lines[1] == "index " + str(one["index"]), "the proof is of another record")
    size, root = checkpoint(key, note)
    path = [decoded(line) for line in lines[2:]]
    leaf = leaf_hash(one["record"].encode())
    demand(included(leaf, one["index"], size, path, root), "the record is not in the tree")
    return record(one["record"])


def same(event, fields):
    """Whether the API tells of an event what is sealed."""
    told = [event["to"], event.get("from"), event["client"], event["requestId"], event["version"]]
    sealed = [fields["to"], fields.get("from"), fields["client"], fields["by"], fields["version"]]
    demand(told == sealed, "an event is not what is sealed")
    if fields["detail"].startswith("enc1:"):
        return  # Encrypted at rest: sealed as it is, and read by who has that key alone.
    detail = json.loads(fields["detail"])
    for name in ["amount", "outcome", "address", "reason", "code"]:
        demand(event.get(name) == detail.get(name), f"the {name} of an event is not what is sealed")


def proofs(key, answer):
    """A proof for each sealed event, and nothing but what is sealed in the events."""
    sealed = {event["index"]: event for event in answer["events"] if event["sealed"]}
    demand(sealed and sorted(sealed) == [one["index"] for one in answer["data"]], "not each event has a proof")
    for one in answer["data"]:
        same(sealed[one["index"]], proved(key, one))
    return len(sealed)


def restore(key, fields, leaves):
    """The record of a restored backup, behind those with these leaves: signed, and about this tree."""
    told = json.loads(fields["detail"]).get("restored") or {}
    demand("note" in told, "a restore has no note")
    lines = key.opened(told["note"]).split("\n")
    demand(len(lines) == 8 and lines[1] == "audit-restored@v1" and lines[7] == "", "a restore note has another form")
    origin, _, lost_size, lost_root, kept_size, kept_root, at, _ = lines
    demand(of_log(key, origin), "a restore note is of another log")
    said = [told["lostOrigin"], told["lostSize"], told["lostRoot"], told["keptSize"], fields["at"]]
    noted = [origin, number(lost_size), lost_root, number(kept_size), number(at)]
    demand(said == noted, "a restore note does not say what its record says")
    demand(number(kept_size) <= len(leaves), "a restore stands among the records that it kept")
    demand(decoded(kept_root) == tree_hash(leaves[: number(kept_size)]), "a restore kept other records")


def export(key, lines):
    """All records, and the checkpoint of exactly them."""
    *records, last = [json.loads(line) for line in lines]
    hashes = []
    for index, line in enumerate(records):
        demand(line["index"] == index, f"record {index} is missing")
        fields = record(line["record"])
        if (fields.get("action"), fields.get("outcome")) == ("audit restored", "success"):
            restore(key, fields, hashes)
        hashes.append(leaf_hash(line["record"].encode()))
        demand(base64.b64encode(hashes[-1]).decode() == line["leafHash"], f"record {index} has another hash")
        for name in ["who", "what", "when", "outcome", "object"]:
            demand(name in line, f"record {index} does not say {name}")
        subject = fields.get("refund") or fields.get("payment") or fields.get("object")
        demand(line["object"] == subject, f"record {index} is about another object")
    size, root = checkpoint(key, last["checkpoint"])
    demand(size == len(hashes), "the checkpoint covers other records")
    demand(root == tree_hash(hashes), "the records are not those of the checkpoint")
    return size


def main(key, what, path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    key = Key(key)
    count = proofs(key, json.loads(text)) if what == "proofs" else export(key, text.splitlines())
    print(count)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as why:
        sys.exit(f"REFUSED: {why}")
