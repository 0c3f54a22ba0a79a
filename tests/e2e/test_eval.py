"""haystat eval against pytrec_eval (trec_eval 9's own code) and ir_measures: 200 generated runs
with ties, unjudged results, documents that are missing or stand twice, queries of one file."""
import math
import random
import subprocess

import pytest
from platform_helper import program

RUNS, PARTS = 200, 8
IR = ["nDCG@10", "nDCG(dcg='exp-log2')@10", "nDCG", "ERR@20", "ERR@5", "RBP(rel=1,p=0.8)",
      "RBP(rel=2,p=0.5)", "Judged@10", "Judged", "P(rel=2)@5", "AP(rel=2)", "AP@10", "RR(rel=2)",
      "R@20", "R(rel=2)@20", "Bpref(rel=2)", "Success@3", "SetF", "SetF(beta=0.5)",
      "SetP(rel=2)", "SetR", "SetAP", "IPrec@0.3", "NumRet", "infAP(rel=2)", "Rprec(rel=2)"]
TOTALS = ("num_ret", "num_rel", "num_rel_ret", "num_nonrel_judged_ret", "NumRet")
NOT_BY_QUERY = ("runid", "num_q", "gm_map", "gm_bpref")


def run(*args, code=0):
    done = subprocess.run([program(), "eval", *map(str, args)], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == code, done.stderr
    return done


class Case:
    """Judgments and a run, as lists of rows; a document that stands twice counts with the last."""

    def __init__(self, seed):
        rand = random.Random(seed)
        self.judgments, self.results = [], []
        queries = [str(100 + i) for i in range(rand.choice([1, 3, 8]))]
        docs = [f"d{i}" for i in range(rand.choice([5, 40, 150]))]
        for query in queries + ["998"]:  # 998 has no results
            for i, doc in enumerate(rand.sample(docs, rand.randrange(1, len(docs)))):
                # pytrec_eval reads beyond its memory when a query has no grade of at least 0.
                grade = rand.choice([0 if i == 0 else -1, 0, 0, 0, 1, 1, 2, 3, 4])
                self.judgments += [(query, doc, grade)] * rand.choice([1] * 30 + [2])
        for query in queries + ["999"]:  # 999 has no judgments
            listed = rand.sample(docs + ["x1", "x2", "x3"], rand.randrange(1, len(docs)))
            for doc in listed:
                score = rand.choice([rand.random() * 10, float(rand.randrange(4)), 1e-9, -2.5])
                self.results.append((query, doc, score))
                if rand.random() < 0.02:
                    self.results.append((query, doc, score + 1))
        if rand.random() < 0.5:
            rand.shuffle(self.results)

    def write(self, folder):
        qrels, results = folder / "qrels", folder / "run"
        qrels.write_text("".join(f"{q} 0 {d} {g}\n" for q, d, g in self.judgments))
        results.write_text("".join(f"{q} Q0 {d} 0 {s!r} tag\n" for q, d, s in self.results))
        return qrels, results

    @staticmethod
    def nested(rows):
        out = {}
        for query, doc, value in rows:
            out.setdefault(query, {})[doc] = value
        return out


def is_shown(name, text, value):
    """Whether the text is the value as printed; either neighbour of one that lies half-way."""
    if name in TOTALS or name == "num_q":
        return text == f"{value:.0f}"
    return len(text.split(".")[1]) == 4 and abs(float(text) - value) <= 0.00005 + 1e-12


def expected_of_trec_eval(case):
    import pytrec_eval

    evaluator = pytrec_eval.RelevanceEvaluator(
        Case.nested(case.judgments), pytrec_eval.supported_measures)
    values = evaluator.evaluate(Case.nested(case.results))
    names = [name for name in next(iter(values.values())) if name not in ("runid", "relstring")]
    lines = {}
    for name in names:
        if name not in NOT_BY_QUERY:
            for query, of_query in values.items():
                lines[name, query] = of_query[name]
        lines[name, "all"] = pytrec_eval.compute_aggregated_measure(
            name, [of_query[name] for of_query in values.values()])
    return lines


def expected_of_ir_measures(case):
    import ir_measures

    measures = {ir_measures.parse_measure(name): name for name in IR}
    result = ir_measures.calc(list(measures), Case.nested(case.judgments),
                              Case.nested(case.results))
    lines = {(measures[one.measure], one.query_id): one.value
             for one in result.per_query if one.query_id != "998"}
    lines.update({(measures[measure], "all"): value
                  for measure, value in result.aggregated.items()})
    return lines


def lines_of(text):
    rows = [line.split("\t") for line in text.splitlines()]
    assert all(row[0] == f"{row[0].strip():22s}" for row in rows)
    return {(row[0].strip(), row[1]): row[2] for row in rows}


@pytest.mark.parametrize("part", range(PARTS))
def test_eval__prints_what_trec_eval_and_ir_measures_say(tmp_path, part):
    compared = 0
    seeds = range(part, RUNS, PARTS)
    for seed in seeds:
        case = Case(seed)
        expected = expected_of_trec_eval(case) | expected_of_ir_measures(case)
        flags = [word for name in IR for word in ("-m", name)]
        found = lines_of(run("-q", "-m", "all_trec", *flags, *case.write(tmp_path)).stdout)
        for key, value in expected.items():
            assert is_shown(key[0], found[key], value), (seed, key, found[key], value)
        compared += len(expected)
    assert compared > 1000


QRELS = "1 0 a 1\n1 0 b 0\n1 0 c 2\n2 0 a 1\n3 0 z 1\n"
RUN = ("1 Q0 a 1 0.5 me\n1 Q0 b 2 0.5 me\n1 Q0 x 3 0.4 me\n2 Q0 b 1 3 me\n2 Q0 a 2 2 me\n"
       "4 Q0 a 1 1 me\n")


def small(tmp_path, qrels=QRELS, results=RUN):
    (tmp_path / "qrels").write_text(qrels)
    (tmp_path / "run").write_text(results)
    return tmp_path / "qrels", tmp_path / "run"


def test_eval__has_the_format_of_trec_eval(tmp_path):
    """Equal scores by document, descending: b, a, x. Query 3 has no results, 4 no judgments."""
    text = run("-q", "-m", "official", "-m", "relstring", "-m", "P.2", *small(tmp_path)).stdout
    lines = text.splitlines()
    assert "map                   \t1\t0.2500" in lines
    assert "relstring             \t1\t'01-'" in lines
    assert "map                   \tall\t0.3750" in lines
    assert "runid                 \tall\tme" in lines
    assert "num_q                 \tall\t2" in lines
    assert "num_rel               \tall\t3" in lines
    assert "iprec_at_recall_0.00  \tall\t0.5000" in lines
    assert lines.index("runid                 \tall\tme") > lines.index(
        "map                   \t2\t0.5000")
    assert not [line for line in lines if line.startswith(("gm_map", "num_q", "runid"))
                and "\tall\t" not in line]


@pytest.mark.parametrize("flags, line", [
    (["-c", "-m", "map"], "map                   \tall\t0.2500"),
    (["-c", "-m", "num_q"], "num_q                 \tall\t3"),
    (["-m", "AP"], "AP                    \tall\t0.2500"),
    (["-l", "2", "-m", "num_rel"], "num_rel               \tall\t1"),
    (["-M", "1", "-m", "num_ret"], "num_ret               \tall\t2"),
    (["-J", "-m", "num_ret"], "num_ret               \tall\t3"),
    (["-m", "P.1,2"], "P_2                   \tall\t0.5000"),
    (["-m", "set_F.0.5"], "set_F_0.5             \tall\t0.4875"),
    (["-m", "nDCG(dcg='jarvelin-log2')@2"], "nDCG(dcg='jarvelin-log2')@2\tall\t0.4444"),
])
def test_eval__takes_flags_and_parameters(tmp_path, flags, line):
    assert line in run(*flags, *small(tmp_path)).stdout.splitlines()


def test_eval__without_a_summary_prints_queries_alone(tmp_path):
    text = run("-q", "-n", "-m", "map", *small(tmp_path)).stdout
    assert text == "map                   \t1\t0.2500\nmap                   \t2\t0.5000\n"


def test_eval__says_that_a_document_stands_twice_and_takes_the_last(tmp_path):
    done = run("-m", "recip_rank", *small(tmp_path, results=RUN + "1 Q0 a 9 9 me\n"))
    assert "run: 1 results of a document that the query has already" in done.stderr
    assert done.stdout.endswith("all\t0.7500\n")


@pytest.mark.parametrize("qrels, results, words", [
    ("1 0 a\n", RUN, "qrels: line 1: has 3 fields, must have 4: query iteration document grade"),
    ("1 0 a x\n", RUN, 'qrels: line 1: grade is "x", must be a whole number of 32 bits'),
    ("1 0 a 1.5\n", RUN, 'grade is "1.5"'),
    ("1 0 a 99999999999\n", RUN, 'grade is "99999999999"'),
    (QRELS, RUN + "1 Q0 a 1 nan me\n", 'run: line 7: score is "nan", must be a finite number'),
    (QRELS, "1 Q0 a 1 0.5\n", "line 1: has 5 fields, must have 6"),
    (QRELS, "9 Q0 a 1 1 me\n", "no query has both judgments in"),
    (QRELS, "", "no query has both judgments in"),
])
def test_eval__names_the_line_that_is_wrong(tmp_path, qrels, results, words):
    assert words in run(*small(tmp_path, qrels, results), code=1).stderr


@pytest.mark.parametrize("args, words", [
    (["-m", "mapp"], 'there is no measure "mapp"; did you mean map?'),
    (["-m", "P.0"], 'measure P: "0" must be a rank from 1'),
    (["-m", "P"], None),
    (["-m", "map.3"], "it takes no parameters"),
    (["-m", "nDCG(rel=2)@5"], 'takes no parameter "rel", but dcg'),
    (["-m", "ERR"], "measure ERR needs a cutoff: ERR@10"),
    (["-m", "RBP(p=2)"], "with 0 < p < 1"),
    (["-m", "ndcg.1"], '"1" must be grade=gain'),
    (["-l", "0"], '-l is "0", wants a number from 1'),
    (["-x"], "there is no flag -x"),
    (["-m"], "flag -m wants a value"),
    (["third"], "wants two files, QRELS and RUN, not 3"),
])
def test_eval__wrong_usage_says_why(tmp_path, args, words):
    done = run(*small(tmp_path), *args, code=0 if words is None else 2)
    assert words is None or words in done.stderr


def test_eval__names_a_file_that_is_not_there(tmp_path):
    assert "nowhere" in run(tmp_path / "nowhere", tmp_path / "run", code=1).stderr


def test_eval__geometric_means_are_of_at_least_a_hundred_thousandth(tmp_path):
    text = run("-m", "gm_map", *small(tmp_path, results="1 Q0 a 1 1 me\n2 Q0 b 1 1 me\n")).stdout
    assert float(text.split("\t")[2]) == pytest.approx(math.sqrt(0.5 * 0.00001), abs=5e-5)
