"""haystat eval --compare against scipy, over values of pytrec_eval and ir_measures."""
import random

import ir_measures
import numpy
import pytest
from scipy import stats
from test_eval import IR, Case, run

TREC = ["map", "ndcg", "recip_rank", "P_5", "bpref", "recall_100"]
FLAGS = [word for name in ["map", "ndcg", "recip_rank", "P.5", "bpref", "recall.100", *IR]
         for word in ("-m", name)]
RESAMPLES = 10000


def pair_of_runs(folder, seed, queries):
    """Judgments and two runs, the second better here and there; some queries are in one alone."""
    rand = random.Random(seed)
    judgments, sides = [], ([], [])
    for query in map(str, range(queries)):
        docs = [f"d{i}" for i in range(30)]
        grades = {doc: rand.choice([0, 0, 0, 1, 2]) for doc in docs}
        judgments += [(query, doc, grade) for doc, grade in grades.items()]
        for side, results in enumerate(sides):
            if rand.random() < 0.1:
                continue
            for doc in rand.sample(docs, 20):
                results.append((query, doc, rand.random() + side * 0.1 * grades[doc]))
    paths = []
    for side, results in enumerate(sides):
        case = Case.__new__(Case)
        case.judgments, case.results = judgments, results
        (folder / str(side)).mkdir()
        paths.append(case.write(folder / str(side)))
    return judgments, sides, (paths[0][0], paths[0][1], paths[1][1])


def table(*args):
    header, *rows = [line.split("\t") for line in run(*args).stdout.splitlines()]
    return {row[0]: {key: float(value) for key, value in zip(header[1:], row[1:])}
            for row in rows}


def values_of(judgments, results):
    import pytrec_eval

    evaluator = pytrec_eval.RelevanceEvaluator(
        Case.nested(judgments), pytrec_eval.supported_measures)
    values = {name: {} for name in [*TREC, *IR]}
    for query, of_query in evaluator.evaluate(Case.nested(results)).items():
        for name in TREC:
            values[name][query] = of_query[name]
    measures = {ir_measures.parse_measure(name): name for name in IR}
    for one in ir_measures.iter_calc(list(measures), Case.nested(judgments), Case.nested(results)):
        values[measures[one.measure]][one.query_id] = one.value
    return values


def pairs(a, b, judgments, of_all):
    """The values of both sides: of queries that are in both, or of all judged ones, else 0."""
    queries = {query for query, _, _ in judgments} if of_all else a.keys() & b.keys()
    found = numpy.array([(a.get(query, 0), b.get(query, 0)) for query in sorted(queries)])
    return found[:, 0], found[:, 1]


def wilcoxon(d):
    d = [v for v in d if v]
    if not d:
        return 1
    exact = len(d) <= 25 and len(set(map(abs, d))) == len(d)
    return stats.wilcoxon(d, method="exact" if exact else "approx", correction=True).pvalue


@pytest.mark.parametrize("seed, queries", [(1, 8), (2, 20), (3, 60), (4, 300)])
def test_compare__equals_scipy(tmp_path, seed, queries):
    judgments, sides, paths = pair_of_runs(tmp_path, seed, queries)
    values = [values_of(judgments, results) for results in sides]
    found = table("--compare", *FLAGS, *paths)
    means = [name for name in [*TREC, *IR] if name != "NumRet"]
    assert list(found) and set(found) == set(means)
    p_values = []
    for name in found:
        a, b = pairs(values[0][name], values[1][name], judgments, name in IR)
        d, row = numpy.round(b - a, 12), found[name]
        assert row["n"] == len(d) and row["n"] > 2
        assert row["mean_a"] == pytest.approx(a.mean(), abs=1e-6), name
        assert row["mean_b"] == pytest.approx(b.mean(), abs=1e-6), name
        assert row["difference"] == pytest.approx(d.mean(), abs=1e-6), name
        if not d.any():
            assert [row["low"], row["high"], row["p_t"], row["p_wilcoxon"],
                    row["p_permutation"]] == [0, 0, 1, 1, 1], name
            p_values.append(1)
            continue
        t = stats.ttest_rel(b, a)
        low, high = t.confidence_interval(0.95)
        assert [row["low"], row["high"]] == pytest.approx([low, high], abs=1e-6), name
        assert row["p_t"] == pytest.approx(t.pvalue, abs=1e-6), name
        assert row["p_wilcoxon"] == pytest.approx(wilcoxon(d), abs=1e-6), name
        check_resampled(d, row, name)
        p_values.append(t.pvalue)
    q = stats.false_discovery_control(p_values)
    assert [row["q"] for row in found.values()] == pytest.approx(list(q), abs=1e-6)


def check_resampled(d, row, name):
    """Within four standard errors of ten times as many permutations; near scipy's bootstrap."""
    p = stats.permutation_test((d,), numpy.mean, permutation_type="samples",
                               n_resamples=10 * RESAMPLES, batch=1000, rng=1).pvalue
    exact = len(d) <= 13
    near = 1e-9 if exact else 4 * (p * (1 - p) / RESAMPLES * 1.1) ** 0.5 + 2 / RESAMPLES
    assert row["p_permutation"] == pytest.approx(p, abs=1e-6 + near), name
    interval = stats.bootstrap((d,), numpy.mean, method="percentile", n_resamples=RESAMPLES,
                               batch=1000, rng=1).confidence_interval
    step = abs(d[d != 0]).min() / len(d)  # of the mean, where measures have few values
    near = 0.15 * d.std() / len(d) ** 0.5 + step + 1e-6
    assert row["bootstrap_low"] == pytest.approx(interval.low, abs=near), name
    assert row["bootstrap_high"] == pytest.approx(interval.high, abs=near), name


def test_compare__of_a_run_with_itself_finds_nothing(tmp_path):
    _, _, (qrels, results, _) = pair_of_runs(tmp_path, 5, 40)
    for name, row in table("--compare", qrels, results, results).items():
        assert row["difference"] == 0 and row["p_t"] == row["q"] == 1, name


def test_compare__says_the_same_each_time(tmp_path):
    _, _, paths = pair_of_runs(tmp_path, 6, 40)
    assert run("--compare", *paths).stdout == run("--compare", *paths).stdout


def test_compare__with_c_counts_queries_without_results(tmp_path):
    judgments, _, paths = pair_of_runs(tmp_path, 7, 40)
    assert table("--compare", "-c", "-m", "map", *paths)["map"]["n"] == 40
    assert table("--compare", "-m", "map", *paths)["map"]["n"] < 40


@pytest.mark.parametrize("args, words, code", [
    (["--compare", "QRELS", "RUN"], "--compare wants three files, QRELS, RUN and RUN_B, not 2", 2),
    (["QRELS", "RUN", "RUN"], "wants two files, QRELS and RUN, not 3", 2),
    (["--compare", "-q", "QRELS", "RUN", "RUN"], "-q and -n do not go with --compare", 2),
    (["--compare", "-m", "num_ret", "QRELS", "RUN", "RUN"], "none of the measures is a mean", 1),
    (["--compare", "QRELS", "RUN", "ONE"], "1 queries have judgments and results in both", 1),
    (["--compare", "QRELS", "RUN", "NONE"], "NONE", 1),
    (["--nope", "QRELS", "RUN"], "--nope", 2),
])
def test_compare__wrong_usage_says_why(tmp_path, args, words, code):
    _, sides, (qrels, results, _) = pair_of_runs(tmp_path, 8, 10)
    one = tmp_path / "one"
    query = sides[0][0][0]
    one.write_text("".join(f"{q} Q0 {d} 0 {s!r} t\n" for q, d, s in sides[0] if q == query))
    files = {"QRELS": qrels, "RUN": results, "ONE": one}
    assert words in run(*[files.get(arg, arg) for arg in args], code=code).stderr
