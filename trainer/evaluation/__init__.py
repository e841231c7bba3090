"""Evaluate a run: held-out likelihood and sample quality.

    likelihood.py    nats of each held-out document, and intervals
    documents.py     the unit of judgement           sample_sets.py    sets of samples
    judges.py        schema, round trip              programs.py       external programs
    funnel.py        stages that documents pass      novelty.py        copied text
    distributions.py values that documents contain   columns.py        sets side by side
    evaluate.py      all of it                       table.py, page.py

Only likelihood.py, sample_sets.py and evaluate.py load torch.
Real held-out documents are judged like samples, as a baseline.
"""
