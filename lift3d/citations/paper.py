"""One paper, and how BibTeX writes it."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["VENUES", "Paper", "Venue"]

Venue = Literal[
    "3DV",
    "AIAA",
    "BMVC",
    "CHI",
    "CVIU",
    "CVPR",
    "CommStat",
    "Data",
    "ECCV",
    "ECCVW",
    "EURASIP",
    "ICCV",
    "ICLR",
    "IJRR",
    "JBE",
    "JGC",
    "JMLR",
    "NIPS",
    "NRLQ",
    "TBME",
    "TIT",
    "TOG",
    "TPAMI",
    "arXiv",
]

VENUES: Final[dict[Venue, tuple[str, str]]] = {
    "3DV": ("booktitle", "International Conference on 3D Vision (3DV)"),
    "AIAA": ("journal", "AIAA Journal"),
    "BMVC": ("booktitle", "British Machine Vision Conference (BMVC)"),
    "CHI": ("booktitle", "ACM Conference on Human Factors in Computing Systems (CHI)"),
    "CVIU": ("journal", "Computer Vision and Image Understanding"),
    "CVPR": ("booktitle", "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)"),
    "CommStat": ("journal", "Communications in Statistics - Theory and Methods"),
    "Data": ("journal", "Data"),
    "ECCV": ("booktitle", "European Conference on Computer Vision (ECCV)"),
    "ECCVW": ("booktitle", "European Conference on Computer Vision (ECCV) Workshops"),
    "EURASIP": ("journal", "EURASIP Journal on Image and Video Processing"),
    "ICCV": ("booktitle", "IEEE/CVF International Conference on Computer Vision (ICCV)"),
    "ICLR": ("booktitle", "International Conference on Learning Representations (ICLR)"),
    "IJRR": ("journal", "The International Journal of Robotics Research"),
    "JBE": ("journal", "Journal of Basic Engineering"),
    "JGC": ("journal", "Journal of Guidance and Control"),
    "JMLR": ("journal", "Journal of Machine Learning Research"),
    "NIPS": ("booktitle", "Advances in Neural Information Processing Systems (NIPS)"),
    "NRLQ": ("journal", "Naval Research Logistics Quarterly"),
    "TBME": ("journal", "IEEE Transactions on Biomedical Engineering"),
    "TIT": ("journal", "IEEE Transactions on Information Theory"),
    "TOG": ("journal", "ACM Transactions on Graphics"),
    "TPAMI": ("journal", "IEEE Transactions on Pattern Analysis and Machine Intelligence"),
    "arXiv": ("", ""),
}
"""The BibTeX field and its text."""

_TEX: Final = str.maketrans(
    {
        "ö": '{\\"o}',
        "ü": '{\\"u}',
        "é": "{\\'e}",
        "á": "{\\'a}",
        "\u0131": "{\\i}",
        "€": "{\\texteuro}",
    }
)


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper by its key. `authors` are "First Last" with semicolons between them.

    `volume` is "36(6)" with its number in brackets; `doi` and `arxiv` are empty where there is none,
    or where nobody looked it up.
    """

    key: str
    authors: str
    title: str
    venue: Venue
    year: int
    volume: str = ""
    pages: str = ""
    doi: str = ""
    arxiv: str = ""

    @property
    def surnames(self) -> tuple[str, ...]:
        """Of the authors, in order."""
        return tuple(name.split()[-1] for name in self.authors.split("; "))

    def bibtex(self) -> str:
        """The entry, in ASCII."""
        field, where = VENUES[self.venue]
        volume, _, number = self.volume.removesuffix(")").partition("(")
        fields = {
            "author": " and ".join(map(_last_first, self.authors.split("; "))),
            "title": "{" + self.title + "}",
            field: where,
            "year": str(self.year),
            "volume": volume,
            "number": number,
            "pages": self.pages.replace("-", "--"),
            "doi": self.doi,
            "eprint": self.arxiv,
            "archivePrefix": "arXiv" if self.arxiv else "",
        }
        kind = {"journal": "article", "booktitle": "inproceedings"}.get(field, "misc")
        lines = [f"  {name} = {{{text}}}," for name, text in fields.items() if name and text]
        return "\n".join([f"@{kind}{{{self.key},", *lines, "}"]).translate(_TEX)


def _last_first(name: str) -> str:
    """ "Timo von Marcard" as BibTeX sorts it: "von Marcard, Timo"."""
    words = name.split()
    at = next((n for n, word in enumerate(words) if word[0].islower()), len(words) - 1)
    return f"{' '.join(words[at:])}, {' '.join(words[:at])}"
