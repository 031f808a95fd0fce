"""The work that archloom stands on, as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archloom.errors import Fault, InputError, did_you_mean

__all__ = ["REFERENCES", "Reference", "references"]


@dataclass(frozen=True, slots=True)
class Reference:
    """One thing to cite: the word by which it is asked for, what archloom owes it, and its entry."""

    topic: str
    why: str
    kind: str
    key: str
    fields: tuple[tuple[str, str], ...]

    @property
    def bibtex(self) -> str:
        body = ",\n".join(f"  {name} = {{{value}}}" for name, value in self.fields)
        return f"@{self.kind}{{{self.key},\n{body}\n}}\n"


REFERENCES = (
    Reference(
        "archloom",
        "this software",
        "misc",
        "archloom",
        (
            ("title", "{archloom}: exact analytical costs of neural networks on accelerators"),
            ("author", "{The archloom developers}"),
            ("note", "Computer software"),
        ),
    ),
    Reference(
        "timeloop",
        "the cost model: tiles, fills, reads, updates; the form of Timeloop's files",
        "inproceedings",
        "parashar2019timeloop",
        (
            ("title", "{Timeloop}: A Systematic Approach to {DNN} Accelerator Evaluation"),
            (
                "author",
                "Parashar, Angshuman and Raina, Priyanka and Shao, Yakun Sophia and Chen, Yu-Hsin and Ying, Victor A. and "
                "Mukkara, Anurag and Venkatesan, Rangharajan and Khailany, Brucek and Keckler, Stephen W. and Emer, Joel",
            ),
            (
                "booktitle",
                "IEEE International Symposium on Performance Analysis of Systems and Software (ISPASS)",
            ),
            ("year", "2019"),
            ("pages", "304--315"),
            ("doi", "10.1109/ISPASS.2019.00042"),
        ),
    ),
    Reference(
        "accelergy",
        "energy and area per action, and the tables (ERT, ART) that hold them",
        "inproceedings",
        "wu2019accelergy",
        (
            ("title", "{Accelergy}: An Architecture-Level Energy Estimation Methodology for Accelerator Designs"),
            ("author", "Wu, Yannan Nellie and Emer, Joel S. and Sze, Vivienne"),
            ("booktitle", "IEEE/ACM International Conference on Computer-Aided Design (ICCAD)"),
            ("year", "2019"),
            ("pages", "1--8"),
            ("doi", "10.1109/ICCAD45719.2019.8942149"),
        ),
    ),
    Reference(
        "maestro",
        "reuse and its cost seen from the data",
        "inproceedings",
        "kwon2019maestro",
        (
            (
                "title",
                "Understanding Reuse, Performance, and Hardware Cost of {DNN} Dataflow: A Data-Centric Approach",
            ),
            (
                "author",
                "Kwon, Hyoukjun and Chatarasi, Prasanth and Pellauer, Michael and Parashar, Angshuman and "
                "Sarkar, Vivek and Krishna, Tushar",
            ),
            ("booktitle", "IEEE/ACM International Symposium on Microarchitecture (MICRO)"),
            ("year", "2019"),
            ("pages", "754--768"),
            ("doi", "10.1145/3352460.3358252"),
        ),
    ),
    Reference(
        "roofline",
        "the roofline in the reports",
        "article",
        "williams2009roofline",
        (
            ("title", "Roofline: An Insightful Visual Performance Model for Multicore Architectures"),
            ("author", "Williams, Samuel and Waterman, Andrew and Patterson, David"),
            ("journal", "Communications of the ACM"),
            ("volume", "52"),
            ("number", "4"),
            ("year", "2009"),
            ("pages", "65--76"),
            ("doi", "10.1145/1498765.1498785"),
        ),
    ),
    Reference(
        "eyeriss",
        "the machine eyeriss",
        "article",
        "chen2017eyeriss",
        (
            (
                "title",
                "{Eyeriss}: An Energy-Efficient Reconfigurable Accelerator for Deep Convolutional Neural Networks",
            ),
            ("author", "Chen, Yu-Hsin and Krishna, Tushar and Emer, Joel S. and Sze, Vivienne"),
            ("journal", "IEEE Journal of Solid-State Circuits"),
            ("volume", "52"),
            ("number", "1"),
            ("year", "2017"),
            ("pages", "127--138"),
            ("doi", "10.1109/JSSC.2016.2616357"),
        ),
    ),
    Reference(
        "simba",
        "the machine simba_like",
        "inproceedings",
        "shao2019simba",
        (
            ("title", "{Simba}: Scaling Deep-Learning Inference with Multi-Chip-Module-Based Architecture"),
            (
                "author",
                "Shao, Yakun Sophia and Clemons, Jason and Venkatesan, Rangharajan and Zimmer, Brian and Fojtik, Matthew and "
                "Jiang, Nan and Keller, Ben and Klinefelter, Alicia and Pinckney, Nathaniel and Raina, Priyanka and "
                "Tell, Stephen G. and Zhang, Yanqing and Dally, William J. and Emer, Joel and Gray, C. Thomas and "
                "Khailany, Brucek and Keckler, Stephen W.",
            ),
            ("booktitle", "IEEE/ACM International Symposium on Microarchitecture (MICRO)"),
            ("year", "2019"),
            ("pages", "14--27"),
            ("doi", "10.1145/3352460.3358302"),
        ),
    ),
    Reference(
        "tpu",
        "the machine tpu_like",
        "inproceedings",
        "jouppi2017tpu",
        (
            ("title", "In-Datacenter Performance Analysis of a Tensor Processing Unit"),
            ("author", "Jouppi, Norman P. and Young, Cliff and Patil, Nishant and Patterson, David and others"),
            ("booktitle", "International Symposium on Computer Architecture (ISCA)"),
            ("year", "2017"),
            ("pages", "1--12"),
            ("doi", "10.1145/3079856.3080246"),
        ),
    ),
    Reference(
        "nvdla",
        "the machine nvdla_like",
        "misc",
        "nvdla",
        (
            ("title", "{NVIDIA} Deep Learning Accelerator ({NVDLA})"),
            ("author", "{NVIDIA}"),
            ("howpublished", "\\url{http://nvdla.org}"),
        ),
    ),
)


def references(topics: Iterable[str] = ()) -> tuple[Reference, ...]:
    """The references asked for, in a fixed order; all of them by default. Raises InputError naming the nearest topics."""
    asked = [topic.casefold() for topic in topics]
    known = [reference.topic for reference in REFERENCES]
    faults = [
        Fault(f"there is no reference {topic!r}", hint=did_you_mean(topic, known))
        for topic in asked
        if topic not in known
    ]
    if faults:
        raise InputError(faults)
    return tuple(reference for reference in REFERENCES if not asked or reference.topic in asked)
