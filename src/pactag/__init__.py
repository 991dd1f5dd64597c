"""pactag finds the speech acts of politics in the news: who proposes, accuses, sets conditions, threatens.

from pactag import Tagger

tagger = Tagger.load()
for sentence in tagger.tag(text).sentences:
    print(sentence.start, sentence.end, sentence.labels, sentence.scores)
"""

from pactag.articles import Article
from pactag.errors import PactagError
from pactag.tagging import TaggedArticle, TaggedSentence, Tagger

__all__ = ["Article", "PactagError", "TaggedArticle", "TaggedSentence", "Tagger"]
