"The notebooks as a site: every link leads somewhere, nothing is loaded from elsewhere, every formula is set."
import json, re
from html.parser import HTMLParser
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
for name in ('mistune', 'pygments'): pytest.importorskip(name)

class Page(HTMLParser):
    "The anchors of a page, where it leads, and what it loads."
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads = [], [], []
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if 'id' in a: self.ids.append(a['id'])
        if tag == 'a': self.links.append(a['href'])
        elif 'src' in a or tag == 'link': self.loads.append(a.get('src') or a['href'])
        if tag == 'img': assert a.get('alt'), 'a picture without words'

@pytest.fixture(scope='module')
def site(tmp_path_factory):
    from pgolf.book import make_book
    out = tmp_path_factory.mktemp('site')
    assert make_book(ROOT/'nbs', out) == len(list((ROOT/'nbs').glob('*.ipynb')))
    return out

def test_every_link_leads_somewhere(site):
    pages = {p.name: Page(p.read_text()) for p in site.glob('*.html')}
    for name, page in pages.items():
        assert len(set(page.ids)) == len(page.ids), f'{name}: an anchor twice'
        for load in page.loads: assert load.startswith('data:') or (site/load).is_file(), f'{name} loads {load}'
        for url in page.links:
            if re.match('https?://', url): continue
            file, _, anchor = url.partition('#')
            assert (site/(file or name)).is_file(), f'{name}: {url}'
            assert not anchor or anchor in pages[file or name].ids, f'{name}: {url}'

def test_every_formula_is_set(site):
    for p in site.glob('*.html'): assert '<code class="tex">' not in p.read_text(), p.name

def test_search_finds(site):
    sections = json.loads((site/'sections.js').read_text().partition(' = ')[2])
    def found(*words): return [url for url, page, head, text in sections if all(w in f'{page} {head} {text}'.lower() for w in words)]
    assert any(u.startswith('06_muon') for u in found('newton_schulz')) and any(u.startswith('00_score') for u in found('ledger', 'bits'))
    urls = {url.partition('#')[0] for url, *_ in sections}
    assert urls == {p.name for p in site.glob('*.html')}
