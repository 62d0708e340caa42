"""Texts and files that nobody wrote on purpose: encode, decode and count bytes on 20,000 random texts against an encoder
written from the description alone, and open 5,000 damaged files. Files are opened in a process of their own, where a hang
ends by the alarm and memory beyond a limit cannot be had."""
import io, multiprocessing, random, re, resource, signal, struct, time, traceback, unicodedata
from collections import Counter
from functools import lru_cache
from pathlib import Path
import numpy as np, pytest
from pgolf.data import read_byte_table, read_shard, write_shard
from pgolf.spm import SentencePieceTokenizer
from pgolf.tokenizer import Tokenizer

SHARED = Path(__file__).resolve().parent.parent.parent/'shared'
N_TEXTS = 20_000

# ---- texts

PLANES = [(0, 0x80), (0x80, 0x250), (0x250, 0x590), (0x590, 0x1200), (0x1200, 0x3000), (0x3000, 0xD800), (0xE000, 0x10000),
          (0x10000, 0x20000), (0x20000, 0x30000), (0x30000, 0xE0000), (0xE0000, 0x110000)]
ODD_CASES = 'İıẞßſKÅϴΣςǅǆŉΐﬀΩƻʰªA\u0345ᾳᾼ'
WORDS = 'the The THE of in model tokenS USA123 a I x2 HTTPServer don\'t DON\u2019T naïve e\u0301t\u00e9 CamelCase 3rd C D W'.split()

def any_char(rng): return chr(rng.randrange(*rng.choice(PLANES)))
def soup(rng, parts, n): return ''.join(rng.choice(parts) for _ in range(n)).encode()

KINDS = dict(
    raw=lambda rng, n: rng.randbytes(n),
    planes=lambda rng, n: ''.join(any_char(rng) for _ in range(n)).encode(),
    markers=lambda rng, n: soup(rng, ['C', 'D', 'W', ' ', '\x7f', '\x14', 'a', 'B', 'é', '1', 'D ', 'DC ', 'DW ', '\x7f '], n),
    broken=lambda rng, n: b''.join(any_char(rng).encode()[:rng.randrange(1, 5)] for _ in range(n)),
    surrogates=lambda rng, n: ''.join(rng.choice([chr(rng.randrange(0xD800, 0xE000)), 'a', ' ']) for _ in range(n))
        .encode('utf-8', 'surrogatepass'),
    combining=lambda rng, n: (rng.choice('aAéС가') + ''.join(chr(rng.choice([0x300, 0x301, 0x323, 0x327, 0x345, 0x34F, 0x5B0]))
        for _ in range(rng.choice([1, 2, 29, 30, 31, 61, n]))) + rng.choice(' bB')).encode(),
    cases=lambda rng, n: soup(rng, [*'abcABC', *ODD_CASES, ' ', "'", '\u2019', '7', '-'], n),
    lines=lambda rng, n: soup(rng, ['\r\n', '\n', '\r', '\t', ' ', '  ', 'a', 'B.', '\u2028', '\x85', '\xa0'], n),
    words=lambda rng, n: rng.choice([' ', '  ', '\n']).join(rng.choice(WORDS) for _ in range(n)).encode())

def random_texts(n, seed):
    "Of every kind alike, from nothing to a hundred letters."
    rng, kinds = random.Random(seed), list(KINDS.values())
    return [b''] + [kinds[i % len(kinds)](rng, rng.randrange(1, rng.choice([4, 12, 40, 100]))) for i in range(n-1)]

# ---- the description, followed slowly

def is_letter(c): return unicodedata.category(c)[0] == 'L'
def is_mark(c): return unicodedata.category(c)[0] == 'M'
def is_number(c): return unicodedata.category(c)[0] == 'N'
def is_lower(c): return unicodedata.category(c) == 'Ll'
def is_upper(c): return unicodedata.category(c) == 'Lu'
def small(c): return c.lower() if len(c.lower()) == 1 else 'i' # only U+0130 becomes more than one letter
QUOTES = "'\u2019"

def slow_capcode2(text):
    out, run, p1, p2 = [], None, '\0', '\0' # run: where its W is, where the first letter ends, whether more came
    for r in text:
        joined = is_letter(p1) or is_mark(p1) or p1 in QUOTES
        if run and is_upper(r):
            out += [] if joined else ['D', ' ']
            out.append(small(r))
            run[2] = True
        elif run and is_lower(r):
            out[run[0]] = 'C'
            if run[2]:
                tail, out[run[1]:] = out[run[1]:], []
                i = 0
                while i < len(tail):
                    bare = tail[i:i+2] == ['D', ' '] and i+2 < len(tail)
                    c = tail[i+2*bare]
                    out += ['D', 'C', ' ', c] if is_lower(c) else tail[i:i+2*bare+1]
                    i += 2*bare + 1
            run = None
            out += ([] if joined else ['D', ' ']) + [r]
        elif run and is_number(r): out += ([] if is_number(p1) else ['D', ' ']) + [r]
        elif run and (r in QUOTES or is_mark(r)): out.append(r)
        else:
            run = None
            if is_upper(r):
                if p1 == ' ': out[-1:] = ['W', ' ']
                else: out += ['D', 'W', ' ']
                out.append(small(r))
                run = [len(out)-3, len(out), False]
            else:
                glued = p1 == ' ' or is_lower(p1) or is_mark(p1) or is_letter(p2) and p1 in QUOTES
                if is_lower(r) and not glued or is_number(r) and p1 != ' ' and not is_number(p1): out += ['D', ' ']
                out.append(r)
        p1, p2 = r, p1
    return ''.join(out)

def slow_capcode1(text):
    out, p1, p2 = '', '\0', '\0'
    for r in text:
        glued = p1 == ' ' or is_letter(p1) or is_mark(p1) or is_letter(p2) and p1 in QUOTES
        if is_letter(r) and not glued or is_number(r) and p1 != ' ' and not is_number(p1): out += '\x7f '
        out += '\x14' if r == '\x7f' else r
        p1, p2 = r, p1
    return out

def slow_plain(text, capcode, flags):
    if flags & 128: text = text.replace(b'\r\n', b'\n')
    if flags & 16: text = re.sub(b' +', b' ', text)
    if flags & 8: text = re.sub(b'\xe2\x80[\x9c\x9d]', b'"', re.sub(b'\xe2\x80[\x98\x99]', b"'", text))
    if flags & 32: text = text.strip(bytes(range(33)))
    if flags & 64 and text and text[0] != 32: text = b' ' + text
    s = text.decode('utf-8', 'surrogateescape')
    if flags & 4: # stray bytes that a dropped mark had kept apart may make a letter together
        s = ''.join(c for c in unicodedata.normalize('NFD', s) if unicodedata.category(c) != 'Mn')
        s = s.encode('utf-8', 'surrogateescape').decode('utf-8', 'surrogateescape')
    if flags & 2: s = ''.join(map(small, s))
    if flags & 1: s = unicodedata.normalize('NFD', s)
    return (slow_capcode2(s) if capcode == 2 else slow_capcode1(s) if capcode else s).encode('utf-8', 'surrogateescape')

def slow_encode(v, text):
    "The ungreedy loop of the description over bytes already normalised."
    index, longest, n = {t: i for i, t in enumerate(v.tokens)}, max(map(len, v.tokens)), len(text)
    def match(p, space=b''):
        for size in range(min(longest, n-p+len(space)), 0, -1):
            if (t := (space + text[p:p+size])[:size]) in index and len(t) == size: return index[t]
        return None
    def has(r, bit): return int(v.flags[r] & bit > 0)
    def kind(p): return int(v.byte_class[text[p] if p < n else 0])
    out, i, now, fd = [], 0, None, 0
    while i < n:
        if now is None: now, fd = match(i), 0
        if now is None:
            if v.unknown >= 0: out.append(v.unknown)
            i += 1
            continue
        k = len(v.tokens[now]) - fd
        if i+k >= n or has(now, 32) and kind(i+k) == 12:
            out.append(int(v.ids[now])); i, now, fd = i+k, None, 0
            continue
        branches, alts = [], [a for a in v.alternatives[now].tolist() if a >= 0]
        for order, f in enumerate([now, *alts]):
            a = len(v.tokens[f]) - fd
            if (s := match(i+a)) is None: continue
            n1, penalty = int(v.n_words[f]) - fd, 0
            def merit(b, second, lead, spaced):
                c, n2 = kind(i+b), int(v.n_words[second])
                value = b + has(f, 128) + has(second, 128) + max(0, n1-1) + max(0, n2-1) + (c == 12) + 100*(n1 + n2 + (c >= 8))
                value += lead - 100*has(f, 8)*has(second, 16) - 3*has(second, 1)*(c == 1)
                if order: value -= 100*(b < k) + 10_000*(b == k)
                return value
            b = a + len(v.tokens[s])
            branches.append((merit(b, s, has(s, 4) - 103*has(f, 1)*has(s, 2), 0), -order, f, a, s, 0))
            if v.delete >= 0 and has(s, 2) and kind(i+b) == 1 and not v.n_words[s]:
                s2 = match(i+a, b' ')
                if s2 is not None and len(v.tokens[s2]) > len(v.tokens[s]) + 1:
                    b2 = a + len(v.tokens[s2]) - 1
                    branches.append((merit(b2, s2, -103*has(f, 1) - 1, 1), -order-3, f, a, s2, 1))
        if not branches:
            out.append(int(v.ids[now])); i, now, fd = i+k, None, 0
            continue
        _, _, f, a, now, fd = max(branches)
        out += [int(v.ids[f])] + [v.delete]*fd
        i += a
    return out

# ---- vocabularies

SINGLES = [bytes([b]) for b in range(256)]
CAPS = [b' the', b'the', b' t', b'th', b'he', b'C ', b'D ', b'W ', b'DC ', b'DW ', b'C the', b'W the', b'D the', b' of', b'in',
        b' in', b'tion', b' a', b'ab', b'bc', b'abc', b' model', b'ing ', b'e\xcc\x81', b'\xe2\x80\x99', b"'s", b' 20', b'12', b'\r\n', b'\n ']
YAML = '''charset: {charset}
normalization: "{normalisation}"
capcode: {capcode}
{more}
tokens:
{tokens}
special:
    - token: "</s>"
      id: {special}
'''

def yaml_text(tokens, capcode, normalisation, more='', charset='utf-8'):
    items = ''.join(f'    - token: "TokenMonsterHexEncode{{{t.hex()}}}"\n      encoded: true\n' for t in tokens)
    return YAML.format(charset=charset, normalisation=normalisation, capcode=capcode, more=more, tokens=items, special=900).encode()

def load(folder, name, data):
    path = Path(folder)/name
    path.write_bytes(data)
    return Tokenizer.load(path)

@lru_cache
def english(): # what a trained vocabulary looks like: frequent strings of Python's own help, all bytes beside
    from pydoc_data.topics import topics
    text = '\n'.join(topics.values()).encode()[:100_000]
    counts = Counter(text[i:i+n] for n in (2, 3, 4, 6) for i in range(0, len(text)-n, 2))
    return [t for t, _ in sorted(counts.items(), key=lambda p: (-p[1]*(len(p[0])-1), p[0]))[:300]]

def large(): # more than 65,536 nodes, with nothing in common: the time must not grow with their square
    rng, began = random.Random(5), time.process_time()
    tok = Tokenizer.from_tokens(SINGLES + [rng.randbytes(24) for _ in range(3000)])
    assert time.process_time() - began < 10
    return tok

def small_caps(capcode): return [t for t in CAPS if capcode == 2 or not set(t) & set(b'CDW')] + [b'\x7f']*(capcode == 1) + [b'\x7f ']*(capcode == 1)

MADE = {
    'bytes and English': lambda d: Tokenizer.from_tokens(SINGLES + english()),
    'every byte inside': lambda d: Tokenizer.from_tokens(SINGLES + [b'a' + b for b in SINGLES] + [b + b'b\xff' for b in SINGLES[::3]]),
    'large': lambda d: large(),
    'two letters, lossy': lambda d: Tokenizer.from_tokens([b'a', b'b', b' ', b'ab', b' a']),
    'capcode 0, NFD': lambda d: load(d, 'a.yaml', yaml_text(english()[:100], 0, 'nfd', 'include-256-bytes: true')),
    'capcode 1, all bytes': lambda d: load(d, 'b.yaml', yaml_text(small_caps(1), 1, 'none', 'include-256-bytes: true')),
    'capcode 2, all bytes': lambda d: load(d, 'c.yaml', yaml_text(CAPS, 2, 'none', 'include-256-bytes: true')),
    'capcode 2, NFD, UNK, few bytes': lambda d: load(d, 'd.yaml', yaml_text(CAPS, 2, 'nfd', 'include-ascii-bytes: true\nexclude-other-bytes: true\nunk: true')),
    'capcode 2, no bytes': lambda d: load(d, 'e.yaml', yaml_text(CAPS, 2, 'nfd')),
    'everything else': lambda d: load(d, 'f.yaml', yaml_text(CAPS, 1, 'lowercase accents quotemarks collapse trim unixlines nfd', 'include-utf8-bytes: true'))}
THEIRS = {'candidate.vocab': 'data/scylla/candidate.vocab', 'scylla.yaml': 'data/scylla/scylla.yaml',
          'syn_cap2_unk_special': 'golden/tokenmonster/syn_cap2_unk_special.vocab', 'tiny_bpe.model': 'golden/record/tiny_bpe.model'}

@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tmp_path_factory.mktemp('fuzz')

@pytest.fixture(scope='module', params=[*MADE, *THEIRS])
def tok(request, folder):
    if request.param in MADE: return MADE[request.param](folder)
    path = SHARED/THEIRS[request.param]
    if not path.exists(): pytest.skip('../shared is not beside this checkout')
    if path.suffix == '.model': pytest.importorskip('sentencepiece')
    return (SentencePieceTokenizer if path.suffix == '.model' else Tokenizer).load(path)

# ---- what must hold

def by_document(tok, ids): return np.flatnonzero(ids == tok.bos_id)

def check_texts(tok, texts):
    "All that is promised of encoding, for a list of documents at once."
    ids, n_bytes = tok.encode_aligned(texts)
    assert ids.dtype == np.uint16 and (not len(ids) or ids.max() < tok.n_vocab)
    assert np.array_equal(ids, tok.encode_documents(texts))
    starts = by_document(tok, ids)
    assert len(starts) == len(texts) and len(ids) == len(n_bytes)
    sums = np.add.reduceat(np.asarray(n_bytes, np.int64), starts) if len(starts) else []
    assert list(sums) == [len(t) for t in texts], 'the bytes of the tokens are not those of the text'
    assert (np.asarray(n_bytes) >= 0).all()
    back = [tok.decode(part) for part in np.split(ids, starts[1:])]
    if tok.lossless: assert back == list(texts)
    return ids, back

@pytest.fixture(scope='module')
def texts(): return random_texts(N_TEXTS, 0)

def test_texts(tok, texts):
    "Bytes add up for any text, and decoding gives it back where the tokenizer says so."
    mine = texts if isinstance(tok, Tokenizer) else texts[:2000]
    ids, back = check_texts(tok, mine)
    same = [a == b for a, b in zip(mine, back)]
    assert 20 < sum(same) and (all(same) or not tok.lossless)
    for text, comes_back in list(zip(mine, same))[:3000]:
        loss = tok.first_loss(text)
        assert (loss is None) == comes_back
        if loss is not None:
            decoded = tok.decode(tok.encode(text))
            assert text[:loss] == decoded[:loss] and text[loss:loss+1] != decoded[loss:loss+1]

def test_any_ids(tok):
    "A model may say anything: no sequence of ids fails, and the bytes of its tokens are those of its text."
    rng = np.random.default_rng(1)
    for n in [0, 1, 2, *rng.integers(1, 60, 300).tolist()]:
        ids = rng.integers(0, tok.n_vocab, n)
        text, counts = tok.decode_aligned(ids)
        assert text == tok.decode(ids) and len(counts) == n and counts.sum() == len(text) and (n == 0 or counts.min() >= 0)
        part = tok.decode(ids[:n//2]) # of a character cut in two the first half counts where its end is
        assert text.startswith(part) and len(part) - 3 <= counts[:n//2].sum() <= len(part)
    for bad in ([tok.n_vocab], [-1]):
        with pytest.raises(ValueError): tok.decode(bad)

def tame(text): # what Unicode 3.2 knew already, so that every Python agrees, and few marks in a row
    s = text.decode('utf-8', 'surrogateescape')
    old = all(unicodedata.ucd_3_2_0.category(c) not in ('Cn', 'Cs') or '\udc80' <= c <= '\udcff' for c in s)
    marks = sum(map(is_mark, unicodedata.normalize('NFD', s)))
    return old and marks < 30

def test_against_description(tok, texts):
    "Ids are those of an encoder that only follows the description."
    if not isinstance(tok, Tokenizer): pytest.skip('the library encodes, and its own tests look at that')
    v = tok.vocabulary
    sample = [t for t in texts[::7] if tame(t)][:300]
    assert len(sample) == 300
    for text in sample:
        assert tok.encode(text).tolist() == slow_encode(v, slow_plain(text, v.capcode, v.normalisation)), text

# ---- damaged files

ENDS = [b'\0', b'\xff', b'\0\0\0\0', b'\xff\xff\xff\xff', b'\xff\xff\xff\x7f', b'\0\0\0\x80', b'\1\0\0']
ODD = ['-1', '0', '65534', '65535', '16777215', '9'*30, '1e9', 'nan', 'inf', '0x10', '1_0', '\u0967', 'null', '[]', '{}', '[', '&a x', '*a',
       '!!python/name:os.system', '"\\0"', '"\\ud800"', '- -', '\t', '%YAML 9.9', '|', '>', '', '"', 'true', 'TokenMonsterHexEncode{0}',
       'TokenMonsterHexEncode{}', '"' + 'x'*50 + '"', 'token: ', 'utf-16', 'trim leadingspace', 'accents', 'tokens:', 'delete:', 'special:',
       '? ', ': ', '#', '---', '...', '<<: *a', 'unk: true', 'reset-token-ids: true', 'include-256-bytes: true']

def damaged(rng, data, head=32):
    "One to three faults, half of them among the first numbers."
    for _ in range(rng.choice([1, 1, 2, 3])):
        at, n = rng.randrange(rng.choice([min(head, len(data)), len(data)]) or 1), rng.choice([1, 2, 3, 4, 8, 40, 1000])
        new = rng.choice(ENDS + [rng.randbytes(1), rng.randbytes(n), bytes([data[at] ^ 1 << rng.randrange(8)]) if data else b''])
        data = rng.choice([data[:at], data[:at] + data[at+n:], data[:at+n] + data[at:], data[:at] + new + data[at:],
                           *[data[:at] + new + data[at+len(new):]]*5])
    return data

def damaged_lines(rng, data):
    "A YAML file with lines lost, doubled, changed places, or with something odd in them."
    lines = data.decode().split('\n')
    for _ in range(rng.choice([1, 1, 2, 4])):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        key, colon, value = lines[i].partition(': ')
        rng.choice([lambda: lines.__setitem__(i, f'{key}{colon}{rng.choice(ODD)}'), lambda: lines.__setitem__(i, rng.choice(ODD) + lines[i]),
                    lambda: lines.insert(i, lines[j]), lambda: lines.__setitem__(i, lines[j]), lambda: lines.pop(i) and lines.append(''),
                    lambda: lines.insert(i, rng.choice(ODD)), lambda: lines.insert(i, f'      id: {rng.choice(ODD)}'),
                    lambda: lines.__setitem__(i, lines[i][rng.randrange(4):])])()
    return '\n'.join(lines).encode('utf-8', 'surrogatepass')

def still_a_vocabulary(path, data):
    tok = Tokenizer.load(path)
    whole = tok.to_bytes()
    if path.suffix == '.vocab': assert whole == data, 'read as something else than it is'
    again = Tokenizer.from_bytes(whole)
    assert again.to_bytes() == whole and again.tokens == tok.tokens and again.lossless == tok.lossless
    check_texts(tok, SAMPLE)
    assert again.encode(SAMPLE[-1]).tolist() == tok.encode(SAMPLE[-1]).tolist()
    tok.decode(np.arange(tok.n_vocab))

def still_a_model(path, data):
    tok = SentencePieceTokenizer.load(path)
    ids = np.arange(tok.n_vocab)
    assert tok.to_bytes() == data and tok.bytes_of(ids).sum() == len(tok.decode(ids))
    if tok.bos_id < 0: return
    try: tok.encode(b'x')
    except ValueError as e: return one_line(e, path) # the library refuses more than the reader
    for text in SAMPLE:
        ids, n_bytes = tok.encode_aligned([text])
        assert n_bytes.sum() == len(text) and n_bytes.min() >= 0 and ids.max() < tok.n_vocab
        assert tok.bytes_of(ids).sum() == len(tok.decode(ids))

def still_a_shard(path, data):
    tokens = read_shard(path)
    assert struct.unpack('<3i', data[:12]) == (20240520, 1, len(tokens)) and tokens.tobytes() == data[1024:]

def still_a_table(path, data):
    t = read_byte_table(path)
    assert len(t.base_bytes) == len(t.has_leading_space) == len(t.is_boundary) and t.base_bytes.min() >= 0
    assert t.base_bytes.dtype == np.int16 and t.has_leading_space.dtype == bool

def one_line(e, path): assert str(e) and '\n' not in str(e) and str(path) in str(e), f'not one line that names the file: {e}'

SAMPLE = [t for t in random_texts(24, 3) if len(t) < 100]

def open_all(folder, files, still, connection):
    "In a process of its own: the alarm of a file that takes too long, or a crash, ends it."
    done = dict(refused=0, accepted=0)
    try:
        pages = int(Path('/proc/self/statm').read_text().split()[0]) if Path('/proc/self/statm').exists() else 0
        if pages: resource.setrlimit(resource.RLIMIT_AS, (pages*resource.getpagesize() + 2**30,)*2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for i, (suffix, data) in enumerate(files):
            path = folder/f'x{i}{suffix}'
            path.write_bytes(data)
            signal.setitimer(signal.ITIMER_REAL, 20)
            try:
                still(path, data)
                done['accepted'] += 1
            except ValueError as e:
                one_line(e, path)
                done['refused'] += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            path.unlink()
        connection.send(done)
    except BaseException as e:
        connection.send(f'file {i}, {data[:64]!r}: {traceback.format_exc()}')

def open_in_child(folder, files, still):
    ours, theirs = multiprocessing.Pipe(False)
    child = multiprocessing.get_context('fork').Process(target=open_all, args=(folder, files, still, theirs))
    child.start()
    theirs.close()
    try: done = ours.recv()
    except EOFError: done = None
    child.join()
    assert done, f'ended by signal {-child.exitcode} at the file that is still in {folder}'
    assert isinstance(done, dict), done
    print(done)
    assert done['refused'] > len(files)//4 and done['accepted'] > 0
    return done

def test_damaged_vocabularies(folder):
    rng, files = random.Random(0), []
    small = [Tokenizer.from_tokens([b'a', b'b', b'ab', b' a', b'abc'] + SINGLES[:40]).to_bytes()]
    small += [MADE[name](folder).to_bytes() for name in ('two letters, lossy', 'capcode 2, NFD, UNK, few bytes', 'capcode 2, no bytes')]
    for i in range(2000): files.append(('.vocab', damaged(rng, small[i % len(small)])))
    open_in_child(folder, files, still_a_vocabulary)

def test_damaged_yaml(folder):
    rng, files = random.Random(1), []
    whole = [yaml_text(CAPS, 2, 'nfd', 'include-ascii-bytes: true\nunk: true'), yaml_text(small_caps(1), 1, 'none'),
             yaml_text(english()[:30], 0, 'nfd', 'include-256-bytes: true')]
    for i in range(1000): files.append(('.yaml', (damaged, damaged_lines)[i % 2](rng, whole[i % 3])))
    evil = [b'[' * 100_000, b'tokens:\n' + b'- ' * 50_000, b'a: &a x\ntokens: *a\n', b'tokens:\n  - token: "' + b'x'*2_000_000 + b'"\n',
            b'a: ' + b'{a: ' * 50_000, b'\xff\xfe' + 'tokens:\n'.encode('utf-16-le'), b'tokens: &a [*a]\n', b'', b'\0'*1000]
    for data in evil: files.append(('.yaml', data))
    open_in_child(folder, files, still_a_vocabulary)

def test_damaged_models(folder):
    sentencepiece = pytest.importorskip('sentencepiece')
    from pydoc_data.topics import topics
    rng, files, whole = random.Random(2), [], []
    kinds = dict(normalization_rule_name='nmt_nfkc', model_type='bpe', byte_fallback=True), dict(normalization_rule_name='identity',
        model_type='bpe', byte_fallback=True, add_dummy_prefix=False), dict(normalization_rule_name='identity', model_type='unigram')
    for kw in kinds:
        out = io.BytesIO()
        docs = [t.replace('\n', ' ')[:2000] for _, t in sorted(topics.items())]
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(docs), model_writer=out, vocab_size=400, bos_id=1, eos_id=2, unk_id=0,
                                                 minloglevel=2, num_threads=1, hard_vocab_limit=False, **kw)
        whole.append(out.getvalue())
    for i in range(1000):
        data = whole[(0, 1, 1, 2)[i % 4]]
        files.append(('.model', damaged(rng, data, rng.choice([64, len(data)-240_000 if len(data) > 240_000 else len(data), len(data)]))))
    open_in_child(folder, files, still_a_model)

def test_damaged_shards(folder):
    rng = random.Random(3)
    write_shard(folder/'whole.bin', np.arange(500)*131 % 65536)
    whole = (folder/'whole.bin').read_bytes()
    files = [('.bin', damaged(rng, whole, rng.choice([12, 12, 1030]))) for _ in range(700)]
    open_in_child(folder, files, still_a_shard)

def test_damaged_tables(folder):
    rng, n = random.Random(4), 300
    for i, save in enumerate((np.savez, np.savez_compressed)):
        save(folder/f't{i}.npz', format_version=1, base_bytes=np.arange(n, dtype=np.int16), has_leading_space=np.arange(n) % 2 == 0,
             is_boundary_token=np.arange(n) == 1)
    whole = [(folder/f't{i}.npz').read_bytes() for i in range(2)]
    files = [('.meta.npz', damaged(rng, whole[i % 2], rng.choice([40, len(whole[i % 2])]))) for i in range(400)]
    open_in_child(folder, files, still_a_table)
