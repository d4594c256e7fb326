"""Check what a door's event log proves: offline, with this file and Python's standard library.
    evidence_verify.py proof --key VKEY FILE...           proofs of single records
    evidence_verify.py heads --key VKEY FILE...           signed heads, and that they agree
    evidence_verify.py log   --key VKEY --db DB FILE...   a whole database against heads
--key is the log's public key, or a file of its keys: have it from the log's owner. --witness VKEY:
this witness must have signed too. --between FILE: the proof that the second of two heads continues
the first. Exit code 0: true, 1: not. What a true proof shows: the record was in the log when the
head was signed, and is unchanged. It can't show that what the record says did happen."""
import argparse, base64, datetime, functools, hashlib, json, os, pathlib, re, sqlite3, struct, sys
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
def check(good, wrong):
    if not good: raise AssertionError(wrong)
def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def file(path): return pathlib.Path(path).read_bytes().decode()
def number(data): return int.from_bytes(data, "big")
def b64(text):
    check(base64.b64encode(base64.b64decode(text)).decode() == text, "base64 that is not canonical")
    return base64.b64decode(text)
def when(us): return f"{datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)} UTC"
# Ed25519, RFC 8032: a point is (x, y, z, t); x/z and y/z are its coordinates, t = xy/z.
def point(data):
    y, sign = number(data[::-1]) & 2**255 - 1, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P); x = x if x * x % P == square else x * ROOT % P
    check(y < P and x * x % P == square and (x or not sign), "a key that is not on the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P
def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P
def times(n, a):
    half = times(n >> 1, add(a, a)) if n else (0, 1, 1, 0)
    return add(half, a) if n & 1 else half
def signed(key, message, signature):
    s, (x, y, z, t) = number(signature[:31:-1]), point(key)
    h = number(hashlib.sha512(signature[:32] + key + message).digest()[::-1]) % L
    x, y, z, t = add(times(s % L, point(b"X" + b"f" * 31)), times(h, (P - x, y, z, P - t)))
    x, y = x * pow(z, -1, P) % P, y * pow(z, -1, P) % P
    return s < L and signature[:32] == (y | x % 2 << 255).to_bytes(32, "little")
# Signed heads: c2sp.org/tlog-checkpoint and c2sp.org/tlog-cosignature.
def keys(given):
    for line in (line for g in given for line in (file(g).split() if os.path.exists(g) else [g])):
        name, key_id, key = line.split("+", 2)
        check(sha(name.encode(), b"\n", b64(key))[:4].hex() == key_id, f"a wrong letter in key {name}")
        yield name, bytes.fromhex(key_id), b64(key)[0], b64(key)[1:]
def read_head(text, args):
    note, _, below = text.rpartition("\n\n")
    (name, size, root), note, remarks = note.split("\n"), note.encode() + b"\n", []
    check(re.fullmatch("(— \\S+ \\S+\n)+", below), "lines that are not signatures")
    blobs = [(n, b64(s)[:4], b64(s)[4:]) for n, s in re.findall("— (\\S+) (\\S+)\n", below)]
    check(any(k == (name, b[1], 1, k[3]) and b[0] == name and signed(k[3], note, b[2])
              for k in keys(args.key) for b in blobs), f"no genuine signature of {name}")
    for k in keys(args.witness):
        at = [number(b[2][:8]) for b in blobs if k == (*b[:2], 4, k[3]) and signed(
            k[3], b"cosignature/v1\ntime %d\n" % number(b[2][:8]) + note, b[2][8:])]
        check(at, f"the witness {k[0]} has not signed it")
        remarks.append(f"the witness {k[0]} saw it at {when(at[0] * 10**6)}")
    check(str(int(size)) == size and len(b64(root)) == 32, "not a head of a log")
    return name, int(size), b64(root), remarks
# The tree, RFC 6962: of n leaves the left subtree has k, the largest power of two below n.
def root_over(i, n, h, path):
    check((n > 1 or not path) and 0 <= i < n, "a path of another length")
    if n == 1: return h
    if i < (k := 1 << (n - 1).bit_length() - 1): return sha(b"\1", root_over(i, k, h, path[:-1]), path[-1])
    return sha(b"\1", path[-1], root_over(i - k, n - k, h, path[:-1]))
def roots_over(m, n, old, path):
    check(m != n or len(path) == (not old), "a path of another length")
    if m == n: return [old or path[0]] * 2
    k = 1 << (n - 1).bit_length() - 1
    if m <= k:
        first, second = roots_over(m, k, old, path[:-1]); return [first, sha(b"\1", second, path[-1])]
    return [sha(b"\1", path[-1], part) for part in roots_over(m - k, n - k, None, path[:-1])]
def blob(b, before=b""): return before + struct.pack(">I", len(b)) + b
def leaf(blind, c):
    event = b"\0" if c[1] is None else struct.pack(">Bq", 1, c[1])
    key, meta = (b"\0" if b is None else blob(b, b"\1") for b in (c[8] and c[8].encode(), c[9]))
    digest = sha(b"eventlog/record/1\0", struct.pack(">q", c[0]), event, blob(c[2].encode()),
                 struct.pack(">5q", *c[3:8]), key, meta, blob(c[10]))
    return sha(b"\0", sha(b"eventlog/leaf/1\0", blind, digest))
# What a record says: MessagePack.
NUMBERS = dict(zip(range(0xCA, 0xD4), (">f", ">d", ">B", ">H", ">I", ">Q", ">b", ">h", ">i", ">q")))
SIZES = dict(zip(b"\xc4\xc5\xc6\xc7\xd9\xda\xdb\xdc\xdd\xde\xdf", (1, 2, 4, 1, 1, 2, 4, 2, 4, 2, 4)))
def unpack(b, i=0):
    t, i = b[i], i + 1
    if t < 0x80 or t > 0xDF or t in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}.get(t, t if t < 0x80 else t - 256), i
    if t in NUMBERS: return *struct.unpack_from(NUMBERS[t], b, i), i + struct.calcsize(NUMBERS[t])
    n = 1 << t - 0xD4 if 0xD3 < t < 0xD9 else t & (31 if t > 0x9F else 15)
    n, i = number(b[i:i + SIZES[t]]) if t in SIZES else n, i + SIZES.get(t, 0)
    if t < 0xA0 or t > 0xDB:
        is_map, items = t < 0x90 or t > 0xDD, []
        for _ in range(n << is_map): item, i = unpack(b, i); items.append(item)
        return dict(zip(items[::2], items[1::2])) if is_map else items, i
    if t == 0xC7 or 0xD3 < t < 0xD9:  # the one extension that is written: a time
        ns, s = divmod(number(b[i + 1:][:n]), 2**34) if n < 12 else struct.unpack_from(">Iq", b, i + 1)
        return when(s * 10**6 + ns // 1000), i + 1 + n
    return b[i:i + n].decode() if t < 0xC0 or t > 0xD8 else b[i:i + n].hex(), i + n
def proofs(args):
    for path in args.files:
        above, _, below = file(path).partition("\n\n")
        magic, extra, index, *hashes = above.split("\n")
        (name, size, root, remarks), extra = read_head(below, args), json.loads(b64(extra[6:]))
        c = [b64(v[0]) if isinstance(v, list) else v for v in extra["record"]]
        check(magic == "c2sp.org/tlog-proof@v1" and index == f"index {c[0] - 1}", "not a proof file")
        new = root_over(c[0] - 1, size, leaf(b64(extra["blind"]), c), [b64(h) for h in hashes])
        check(new == root, "the record is not in the tree that was signed")
        fact = unpack(c[10])[0]
        for field, (opening, text) in extra["names"].items():  # a name that was sealed, and opens
            sealed = sha(b"eventlog/name/1\0", bytes.fromhex(opening), text.encode()).hex()
            check(fact[field] == {"sealed": sealed}, f"another name was sealed as {field}")
            fact[field] = text
        print(f"TRUE: record {c[0]} of {name}: {json.dumps(c[2])[1:-1]}, event {c[1]}, appended {when(c[5])}",
              json.dumps(fact), f"key {c[8]!r}", f"meta {c[9] and unpack(c[9])[0]}",
              *remarks, sep="\n  ")
def heads(args):
    data, roots = "".join(map(file, args.files)), {}
    found = [read_head(n, args) for n in re.split(r"(?<=\n)\n*(?=\S+/[0-9a-f]{32}/\d+\n)", data) if n]
    for name, size, root, remarks in found:
        check(roots.setdefault(size, root) == root, f"two heads of {name} at {size} contradict")
        print(f"TRUE: {name} had {size} records", *remarks, sep="; ")
    if args.between:
        (name, m, old, _), (name2, n, new, _) = found
        both = roots_over(m, n, old, [b64(line) for line in file(args.between).split()])
        check(name == name2 and both == [old, new], "the second does not continue the first")
    return roots
def log(args):
    roots, edge, n = heads(args), [], 0
    db = sqlite3.connect(f"file:{args.db}?mode=ro", uri=True)
    for n, row in enumerate(db.execute("SELECT j.*, secret FROM journal j, tree ORDER BY position"), 1):
        h, rest = leaf(sha(b"eventlog/blind/1\0", row[-1], struct.pack(">q", n)), row), n
        while not rest & 1: h, rest = sha(b"\1", edge.pop(), h), rest >> 1
        edge.append(h)
        h = n in roots and functools.reduce(lambda right, left: sha(b"\1", left, right), edge[::-1])
        check(h == roots.get(n, False), f"the first {n} records are not those that were signed")
    check(n >= max(roots), f"the database ends at {n}, before a signed head")
    print(f"TRUE: the first {max(roots)} records are those that were signed")
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["proof", "receipt", "heads", "log"])
    parser.add_argument("files", nargs="+", metavar="FILE")
    for name in ("--key", "--witness"): parser.add_argument(name, action="append", default=[])
    for name in ("--between", "--db"): parser.add_argument(name)
    args = parser.parse_args()
    try:
        {"heads": heads, "log": log}.get(args.what, proofs)(args)
    except Exception as error:  # whatever is wrong with a file, it proves nothing
        said = "" if isinstance(error, AssertionError) else "not a file or key of this kind: "
        sys.exit(f"FALSE: {said}{error}")
