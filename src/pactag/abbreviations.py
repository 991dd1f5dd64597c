"""Which words end in a stop without ending a sentence: what the segmenter knows of English news.

The segmenter is Punkt (Kiss and Strunk, Unsupervised Multilingual Sentence Boundary Detection, 2006) as nupunkt has it, with our own lists.
The model that comes with nupunkt has learnt from law, finance and science, in part from scanned pages: many of its 5,865 abbreviations
are words that end sentences in news (`month`, `park`, `so`, `cent`, `Grenada`), and titles are among the words that it lets begin a
sentence (`The U.S. | Secretary of State`). `experiments/segmentation` compares the two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nupunkt import PunktSentenceTokenizer

# What stands before a name, and therefore never at the end: `Amb. He Yafei`.
_TITLES = """
    mr mrs ms mx messrs mme mlle dr drs prof hon rt rev fr msgr mohd
    sen sens rep reps gov govs lt ltc col cols gen gens maj capt cmdr comdr adm brig sgt sgts cpl pvt pfc insp supt det lieut sergt
    pte flt sqn ldr pres amb atty treas asst dep secy spc cst coun cllr
"""
_AFTER_NAMES = "sr jr ret retd rtd"
_BODIES = "inc ltd co cos corp bros assn assoc dept depts univ intl natl govt admin comm cttee mfg"
_PLACES = "st ste mt mts ft pt ave blvd rd hwy bldg"
_STATES = "ala ariz ark calif colo conn fla ga kan ky mich minn mont neb nev okla tenn tex vt w.va wis wyo"
_DATES = "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri"
_MEASURES = "kg km cm mm lb lbs oz hr hrs min mins sec secs sq cu mph pct est approx"
_OTHERS = "rs vs v al ca cf ed eds viz incl excl ext tel"
_ABBREVIATIONS = frozenset(" ".join([_TITLES, _AFTER_NAMES, _BODIES, _PLACES, _STATES, _DATES, _MEASURES, _OTHERS]).split())

# Abbreviations before a number or a small letter, the end of a sentence before a capital: `No. 5`, but `He said no. Israel ...`.
_BEFORE_NUMBERS = frozenset(
    ["art", "arts", "ch", "cl", "etc", "fig", "figs", "no", "nos", "nr", "p", "para", "paras", "pp", "res", "vol", "vols"],
)

# Abbreviations with a capital, words without one: `Rockford, Ill.` and `He fell ill.`
_CAPITALISED = frozenset(["ill", "mass", "miss", "wash", "ore", "ind", "pa", "va", "mo", "la", "md", "del", "rep", "reps"])

# What begins a sentence where an abbreviation may have ended one: `It left the U.S. They stayed.`
_SENTENCE_STARTERS = """
    a after all also although among an and another as at because before both but by despite during each earlier even every everyone few
    finally first for further given he her here his how however i if in instead is it its just last later let many meanwhile more moreover
    most much my neither nevertheless next no nobody none nor not nothing now of on once one only other others our over please
    several she since so some still such than that the their then there these they this those though thus to today tomorrow under unless
    unlike until we what when whenever where whether which while who why with within without yes yesterday yet you your
"""

# A time of day ends a sentence before a capital, unless what follows is part of the time: `8 p.m. (GMT)`, `8 p.m. New York time`.
_CAPITAL = r"(?=[\"'“‘(\[]*[^\W\d_a-z])"
_AFTER_TIMES = (
    r"(?!\(?(?:(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[A-Z]{1,4}T|UTC|Eastern|Central|Mountain|Pacific"
    r"|Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|(?:Nov|Dec)(?:ember)?)\b"
    r"|(?:[^\W\d_a-z][\w.]*\s+){1,3}[Tt]ime\b))"
)
_CLOSED = r"\.[\"'”’)\]]*\s+"
# `Samuel P. Roe` has an initial, and a number need not be in digits: `Art. V`, `No. Ten`, but `They said no. Ten left.`
_NO_INITIAL_NO_NUMBER = r"(?!P\.|\w+\.\s+(?:I[IVX]+|[VX][IVX]*)\b|No\.\s+(?:Two|Three|Ten)\b)"
# Behind a town, a state is followed by a comma, `Butler, Pa., police`, unless it ends the sentence or a dateline. `Md.` and `Del.` are also
# what stands before a name.
_STATE = "|".join(re.escape(state.title()) for state in sorted({*_STATES.split(), *_CAPITALISED} - {"md", "del", "rep", "reps"}))
_AFTER_STATES = r"(?!\(|AP\b|UPI\b|Reuters\b)"
# A stop before a capital, which every text is searched for; then what stands at it is looked at.
_STOP = re.compile(rf"{_CLOSED}{_CAPITAL}")
_WORD_ENDS = re.compile(
    rf"{_NO_INITIAL_NO_NUMBER}(?:(?i:{'|'.join(sorted(_BEFORE_NUMBERS))})|{'|'.join(sorted(_CAPITALISED))}){_CLOSED}{_CAPITAL}"
)
_TIME_ENDS = re.compile(rf"\b[ap]\.m{_CLOSED}{_AFTER_TIMES}{_CAPITAL}")
_STATE_ENDS = re.compile(rf"(?<=,)\s+(?:{_STATE})\.[\"'”’]*\s+{_AFTER_STATES}{_CAPITAL}")
_LETTERS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")

# Marks that Punkt leaves at a word, which is then no abbreviation. A straight double quote is the one that it takes off, at the beginning
# of a word; between two words only a space lets it judge each. `Op-Ed.`, `Jay-Z.` and `no-no.` stay what they are.
# Each pattern begins with the mark and looks back over it: so a search passes by all other characters.
_OPENING = re.compile(r"[“”„«»–—…](?=[^\W\d_])|['‘’](?<![\w.].)(?=[^\W\d_])")
_JOINING = re.compile(
    r"[–—…](?<=[\w.”)].)(?=[^\W\d_])"
    r"|[-‐‑/](?:(?<=\..)(?=[^\W\d_])|(?<=\w.)(?<!\b[Oo]p.)(?=[^\W\d_a-z][^\W\d_]+\.|[^\W\d_]\.[^\W\d_]))"
)

# Titles that begin with what may begin a sentence, `the U.S. First Lady`. A hyphen makes one word of them.
_TWO_WORDS = re.compile(r"(Under(?<=\bUnder)(?=\s+Secretar)|First(?<=\bFirst)(?=\s+(?:Lad|Minister|Vice|Deputy|Amendment)))\s")


class _Abbreviations(set[str]):
    """Words in small letters, without their last stop. Single letters with stops between them are always among them: `u.s`."""

    def __contains__(self, word: object) -> bool:
        return super().__contains__(word) or (isinstance(word, str) and _LETTERS.fullmatch(word) is not None)


def tokenizer() -> PunktSentenceTokenizer:
    """Punkt with the lists of this module."""
    from nupunkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters(
        abbrev_types=_Abbreviations(_ABBREVIATIONS | _BEFORE_NUMBERS | _CAPITALISED),
        sent_starters=set(_SENTENCE_STARTERS.split()),
    )
    parameters.freeze_sets()
    made = PunktSentenceTokenizer(parameters, include_common_abbrevs=False)
    # Of its own titles there are 18. Set on this one alone: the class is everyone's.
    made._TITLE_ABBREVS = frozenset(_TITLES.split())
    return made


def for_punkt(text: str) -> str:
    """The text as Punkt shall read it, of the same length: abbreviations without marks in front of them, some titles as one word."""
    return _TWO_WORDS.sub(r"\1-", _OPENING.sub('"', _JOINING.sub(" ", text)))


def ends_before_capitals(text: str) -> list[int]:
    """Where sentences begin, in code points, after what is no abbreviation before a capital, and after times of day."""
    return [stop.end() for stop in _STOP.finditer(text) if _is_an_end(text, stop.start())]


def _is_an_end(text: str, stop: int) -> bool:
    word = stop
    while word and (text[word - 1].isalnum() or text[word - 1] in "._"):
        word -= 1
    before = word
    while before and text[before - 1].isspace():
        before -= 1
    return (
        _WORD_ENDS.match(text, word) is not None
        or (stop >= 3 and _TIME_ENDS.match(text, stop - 3) is not None)
        or _STATE_ENDS.match(text, before) is not None
    )
