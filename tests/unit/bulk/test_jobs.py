"""Jobs into a folder of parts: nothing lost, nothing twice, whoever does what and however often it stops."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from fake_tagger import FakeTagger

from pactag.bulk import plan
from pactag.bulk.folder import begin, read_job
from pactag.bulk.plan import Share, groups_of, read_share
from pactag.errors import PactagError
from pactag.inputs.paths import Source
from pactag.outputs import write
from pactag.outputs.base import Maker


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _rows(folder: Path) -> list[tuple]:
    lines = [line for path in sorted(folder.glob("part-*.jsonl")) for line in path.read_text().splitlines()]
    return [(row["article_id"], row["index"]) for row in map(json.loads, lines)]


@pytest.fixture(params=[True, False], ids=["large files", "small files"])
def large(request, monkeypatch):
    """With files that are shared out among processes, and with those that are not."""
    if request.param:
        monkeypatch.setattr(plan, "LARGE", 1)
    return request.param


def test_parts_in_order_are_the_whole(job, articles, tmp_path):
    from pactag.inputs import read_articles

    done = job(tmp_path / "out")
    tagger = FakeTagger()
    stream = read_articles(articles, on_error=lambda error: None)
    write(tagger.tag_many(stream), tmp_path / "whole.jsonl", Maker(tagger.schema, "fake-1"))
    parts = sorted((tmp_path / "out").glob("part-*"))
    assert b"".join(path.read_bytes() for path in parts) == (tmp_path / "whole.jsonl").read_bytes()
    assert (done.count.articles, done.count.parts, len(parts)) == (55, 14, 14)


def test_what_cannot_be_read_is_told_once_and_kept(job, tmp_path):
    done = job(tmp_path / "out")
    assert [str(error).partition(": ")[0].rpartition("/")[2] for error in done.unread] == ["wire.jsonl:21"]
    assert json.loads((tmp_path / "out/finished.json").read_text())["unread"] == [str(error) for error in done.unread]


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_resumed_job_has_the_bytes_of_one_that_never_stopped(job, tmp_path, format: str):
    if format == "parquet":
        pytest.importorskip("pyarrow")
    job(tmp_path / "whole", output_format=format)

    class Stops(FakeTagger):
        """Stops in the middle of the third part."""

        left = 10

        def tag_many(self, articles):
            for article in super().tag_many(articles):
                self.left -= 1
                if not self.left:
                    raise KeyboardInterrupt
                yield article

    with pytest.raises(KeyboardInterrupt):
        job(tmp_path / "out", tagger=Stops(), output_format=format)
    assert len(list((tmp_path / "out").glob("part-*"))) == 2
    done = job(tmp_path / "out", resume=True)
    assert _bytes_of(tmp_path / "out") == _bytes_of(tmp_path / "whole")
    assert (done.count.parts, done.count.written) == (14, 12)


def test_killed_job_loses_nothing_and_does_nothing_twice(job, articles, tmp_path):
    job(tmp_path / "whole")
    chance = random.Random(7)
    # A whole run opens, renames and removes some hundred times.
    deadly = "".join(f"{chance.randint(1, 25)}\n" for _ in range(12))
    command = [sys.executable, str(Path(__file__).with_name("fake_tagger.py")), str(tmp_path / "out"), *map(str, articles)]
    done = subprocess.run(command, input=deadly, capture_output=True, text=True, check=True)
    assert done.stdout.split().count("-9") >= 6
    job(tmp_path / "out", resume=True)
    assert _bytes_of(tmp_path / "out") == _bytes_of(tmp_path / "whole")
    assert len(set(_rows(tmp_path / "out"))) == len(_rows(tmp_path / "out"))


@pytest.mark.parametrize("of", [2, 5])
def test_shares_together_are_the_whole(job, tmp_path, large, of: int):
    job(tmp_path / "whole")
    whole = _bytes_of(tmp_path / "whole")
    done = [job(tmp_path / "shared", share=Share(index, of)) for index in reversed(range(of))]
    shared = _bytes_of(tmp_path / "shared")
    parts = {name for name in whole if name.startswith("part-")}
    assert {name: shared[name] for name in parts} == {name: whole[name] for name in parts}
    assert {name for name in shared if name.startswith("finished")} == {f"finished-{i + 1}-of-{of}.json" for i in range(of)}
    assert sum(one.count.written for one in done) == len(parts)
    assert sum(len(one.unread) for one in done) == 1


def test_share_does_the_same_in_a_folder_of_its_own(job, tmp_path, large):
    for index in range(3):
        job(tmp_path / "shared", share=Share(index, 3))
        job(tmp_path / f"own-{index}", share=Share(index, 3))
    own = [path.name for index in range(3) for path in sorted((tmp_path / f"own-{index}").glob("part-*"))]
    assert sorted(own) == sorted(path.name for path in (tmp_path / "shared").glob("part-*"))


def _begins_meanwhile(folder: Path, monkeypatch, other: Callable[[], object]) -> None:
    """Another share begins just before the folder is listed for the first time."""
    waiting = [other]
    listed = Path.iterdir

    def iterdir(path: Path):
        if path == folder and waiting:
            waiting.pop()()
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)


def test_share_goes_on_where_another_begins_meanwhile(job, tmp_path, monkeypatch):
    job(tmp_path / "whole")
    _begins_meanwhile(tmp_path / "out", monkeypatch, lambda: job(tmp_path / "out", share=Share(1, 2)))
    job(tmp_path / "out", share=Share(0, 2))
    whole, shared = _bytes_of(tmp_path / "whole"), _bytes_of(tmp_path / "out")
    assert shared.items() >= {name: content for name, content in whole.items() if name != "finished.json"}.items()
    assert len(shared) == len(whole) + 1


def test_share_of_another_model_that_begins_meanwhile_is_told(job, tmp_path, monkeypatch):
    _begins_meanwhile(tmp_path / "out", monkeypatch, lambda: job(tmp_path / "out", share=Share(1, 2), model="fake-2"))
    with pytest.raises(PactagError, match="the model fake-2, now it is fake-1"):
        job(tmp_path / "out", share=Share(0, 2))


def test_job_that_begins_meanwhile_is_not_gone_on_with_unasked(job, tmp_path, monkeypatch):
    _begins_meanwhile(tmp_path / "out", monkeypatch, lambda: job(tmp_path / "out"))
    with pytest.raises(PactagError, match="holds a job already"):
        job(tmp_path / "out")


def test_shares_begin_together(job, tmp_path):
    job(tmp_path / "whole")
    ready = Barrier(4)

    def one(folder: Path) -> None:
        ready.wait()
        begin(folder, read_job(tmp_path / "whole"), go_on=True)

    with ThreadPoolExecutor(4) as threads:
        for number in range(10):
            list(threads.map(one, [tmp_path / f"out-{number}"] * 4))
            assert list(_bytes_of(tmp_path / f"out-{number}")) == ["job.json"]


def test_shares_of_a_share_are_that_share():
    group = groups_of([Source(Path(__file__), "a")], large=1)[0]
    for share in (Share(), Share(2, 3)):
        parts = [part for part in range(200) if share.has(group, part)]
        divided = [part for index in range(4) for part in range(200) if share.divided(index, 4).has(group, part)]
        assert sorted(divided) == parts


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "-1/4", "a/b", "1/4/2", ""])
def test_share_that_is_none_is_told(text: str):
    with pytest.raises(PactagError, match="is no share"):
        read_share(text)


def test_first_share_is_number_one():
    assert read_share("1/8") == Share(0, 8)


# What is refused


def test_finished_job_is_not_begun_again(job, tmp_path):
    job(tmp_path / "out")
    with pytest.raises(PactagError, match="--resume"):
        job(tmp_path / "out")


def test_folder_with_other_files_is_left_alone(job, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("x")
    with pytest.raises(PactagError, match=r"holds other files, such as thesis\.txt"):
        job(tmp_path / "out", resume=True)
    assert list(_bytes_of(tmp_path / "out")) == ["thesis.txt"]


def test_other_model_and_other_part_size_are_told_together(job, tmp_path):
    job(tmp_path / "out")
    with pytest.raises(PactagError) as error:
        job(tmp_path / "out", resume=True, model="fake-2", part_size=9)
    assert "the model fake-1, now it is fake-2" in str(error.value)
    assert "articles in a part 4, now it is 9" in str(error.value)


@pytest.mark.parametrize("change", ["longer", "one letter", "order", "fewer"])
def test_other_input_is_refused(job, articles, tmp_path, change: str):
    job(tmp_path / "out")
    inputs = articles
    wire = articles[0].read_bytes()
    if change == "longer":
        articles[0].write_bytes(wire + b'{"text": "One more."}\n')
    elif change == "one letter":
        articles[0].write_bytes(wire.replace(b"31th", b"32th"))
    else:
        inputs = articles[::-1] if change == "order" else articles[:1]
    with pytest.raises(PactagError, match="another one: the input"):
        job(tmp_path / "out", resume=True, inputs=inputs)


def test_change_in_the_middle_of_a_file_of_a_megabyte_is_seen(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 1_000_000)
    before = plan.fingerprint(groups_of([Source(path, "a")]))
    path.write_bytes(b"x" * 500_000 + b"y" * 60_000 + b"x" * 440_000)
    assert plan.fingerprint(groups_of([Source(path, "a")])) != before


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A folder of texts and tables, and what takes away or brings back the library that the tables need."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "news").mkdir()
    for number in range(4):
        (tmp_path / f"news/{number}a.txt").write_text("He said no.")
        parquet.write_table(pyarrow.table({"text": ["She said no."]}), tmp_path / f"news/{number}b.parquet")

    def installed(there: bool) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", pyarrow if there else None)
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", parquet if there else None)

    return installed


@pytest.mark.parametrize("options", [{"resume": True}, {"share": Share(1, 2)}])
@pytest.mark.parametrize(
    ("before", "told"), [(True, "with the extra 'parquet', which is not"), (False, "without the extra 'parquet', which")]
)
def test_job_goes_on_with_the_extras_it_was_begun_with_only(job, tables, tmp_path, before: bool, told: str, options):
    tables(before)
    job(tmp_path / "out", inputs=[tmp_path / "news"], share=Share(0, 2))
    rows = _rows(tmp_path / "out")
    tables(not before)
    with pytest.raises(PactagError, match=f"was begun {told}"):
        job(tmp_path / "out", inputs=[tmp_path / "news"], **options)
    assert _rows(tmp_path / "out") == rows
    tables(before)
    job(tmp_path / "out", inputs=[tmp_path / "news"], share=Share(1, 2))
    assert len(_rows(tmp_path / "out")) == (8 if before else 4)


def test_job_whose_inputs_do_not_need_an_extra_goes_on_without_it(job, tables, tmp_path):
    tables(False)
    job(tmp_path / "out")
    tables(True)
    job(tmp_path / "out", resume=True)


def test_job_of_an_earlier_version_goes_on(job, tmp_path):
    job(tmp_path / "out")
    path = tmp_path / "out/job.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "lacks"}))
    job(tmp_path / "out", resume=True)


def test_worker_with_other_extras_refuses(job, tables, tmp_path, monkeypatch):
    from pactag.bulk import ray_engine
    from pactag.bulk.run import prepare

    monkeypatch.setattr(ray_engine.Tagger, "load", lambda *_, **__: FakeTagger())
    ready = prepare([tmp_path / "news"], tmp_path / "out", model="fake-1")
    job_text = ready.job.model_dump_json()
    # A worker changes its folder, which is that of the tests here.
    monkeypatch.chdir(tmp_path)
    worker = ray_engine.Worker(model="", backend=None, job=job_text, folder=str(tmp_path / "out"), cwd=str(tmp_path))
    tables(False)
    units = [json.dumps(unit) for unit in ray_engine._units(ready, 1)]
    rows = [{"result": result} for result in worker({"unit": units})["result"]]
    with pytest.raises(PactagError, match=r"the worker on .*: was begun with the extra 'parquet'"):
        ray_engine._counted(iter(rows), ready, lambda *_: None)
    assert not _rows(tmp_path / "out")


def test_altered_job_file_is_told(job, tmp_path):
    job(tmp_path / "out")
    (tmp_path / "out/job.json").write_text("{}")
    with pytest.raises(PactagError, match="is not what pactag wrote"):
        job(tmp_path / "out", resume=True)


@pytest.mark.parametrize("options", [{"resume": True}, {"share": Share(0, 2)}])
def test_standard_input_cannot_be_resumed_or_shared(job, tmp_path, options):
    with pytest.raises(PactagError, match="standard input"):
        job(tmp_path / "out", inputs=["-"], **options)


@pytest.fixture
def pipe():
    """The name of a pipe that holds an article, as a shell gives it for `<(zcat wire.gz)`."""
    out, into = os.pipe()
    os.write(into, b"He said no. She left.")
    os.close(into)
    yield f"/dev/fd/{out}"
    os.close(out)


def test_pipe_is_read_whole(job, tmp_path, pipe):
    done = job(tmp_path / "out", inputs=[pipe])
    name = Path(pipe).name
    assert (_rows(tmp_path / "out"), done.unread) == ([(name, 0), (name, 1)], ())


@pytest.mark.parametrize("options", [{"resume": True}, {"share": Share(0, 2)}])
def test_pipe_cannot_be_resumed_or_shared(job, tmp_path, pipe, options):
    with pytest.raises(PactagError, match=f"cannot tell what the pipe {pipe} holds"):
        job(tmp_path / "out", inputs=[pipe], **options)


def test_what_is_read_once_is_not_for_workers(job, tmp_path, pipe):
    for name, told in (("-", "standard input"), (pipe, f"the pipe {pipe}")):
        with pytest.raises(PactagError, match=f"workers, which cannot read {told}"):
            job(tmp_path / "out", inputs=[name], by_workers=True)
    assert not (tmp_path / "out").exists()


def test_name_that_is_too_long_for_a_file_is_told(job, articles, tmp_path):
    (error,) = job(tmp_path / "out", inputs=["a" * 300, articles[1]]).unread
    assert "cannot be read" in str(error)


def test_job_of_nothing_is_not_finished(job, tmp_path):
    with pytest.raises(PactagError) as error:
        job(tmp_path / "out", inputs=[tmp_path / "nowhere.txt", tmp_path / "neither.txt"])
    assert [Path(problem.where).name for problem in error.value.problems] == ["nowhere.txt", "neither.txt"]
    assert not (tmp_path / "out").exists()


def test_format_with_a_frame_is_refused(job, tmp_path):
    with pytest.raises(PactagError, match="cannot be written in parts"):
        job(tmp_path / "out", output_format="html")
    assert not (tmp_path / "out").exists()


def test_folder_whose_ending_is_of_a_format_with_a_frame_is_refused(job, tmp_path):
    with pytest.raises(PactagError, match=r"acts\.brat/: ends like brat, which cannot be written in parts"):
        job(tmp_path / "acts.brat")
    assert not (tmp_path / "acts.brat").exists()


def test_folder_that_holds_an_input_is_refused(job, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.txt").write_text("He said no.")
    with pytest.raises(PactagError, match=r"holds .*a\.txt, which is one of the inputs"):
        job(tmp_path / "out", inputs=[tmp_path / "out/a.txt"])


def test_standard_input_can_be_tagged_into_the_folder_one_stands_in(job, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"He said no.")))
    assert job(Path(), inputs=["-"]).count.articles == 1


def test_disk_that_refuses_is_told_with_what_to_do(job, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", str(tmp_path / "out/part"))

    monkeypatch.setitem(__import__("pactag.outputs", fromlist=["WRITERS"]).WRITERS, "jsonl", full)
    with pytest.raises(PactagError, match=r"No space left on device\)\. Mend that, and go on with --resume"):
        job(tmp_path / "out")


def test_output_in_an_input_folder_is_not_read(job, tmp_path):
    (tmp_path / "news").mkdir()
    (tmp_path / "news/a.txt").write_text("He said no.")
    job(tmp_path / "news/out", inputs=[tmp_path / "news"])
    done = job(tmp_path / "news/out", inputs=[tmp_path / "news"], resume=True)
    assert done.count.articles == 1


def test_files_whose_names_are_not_utf8_are_tagged_and_told(job, tmp_path):
    good, bad = (os.fsdecode(os.fsencode(tmp_path) + name) for name in (b"/caf\xe9.txt", b"/bad\xe9.txt"))
    Path(good).write_text("He said no.")
    Path(bad).write_bytes(b"caf\xe9")
    for resume in (False, True):
        done = job(tmp_path / "out", inputs=[good, bad], resume=resume)
    assert (_rows(tmp_path / "out"), len(done.unread)) == ([("caf\ufffd", 0)], 1)
    assert json.loads((tmp_path / "out/job.json").read_text())["inputs"] == [rf"{tmp_path}/{name}\udce9.txt" for name in ("caf", "bad")]
    assert json.loads((tmp_path / "out/finished.json").read_text())["unread"][0].startswith(rf"{tmp_path}/bad\udce9.txt: byte 3")


# Cost


def test_memory_does_not_grow_with_the_input(job, tmp_path):
    zstandard = pytest.importorskip("zstandard")
    chance = random.Random(1)
    peaks = []
    for count in (200, 2000):
        lines = [json.dumps({"text": chance.randbytes(500).hex()}) + "\n" for n in range(count)]
        (tmp_path / f"{count}.jsonl.zst").write_bytes(zstandard.compress("".join(lines).encode()))
        del lines
        tracemalloc.start()
        job(tmp_path / f"out-{count}", inputs=[tmp_path / f"{count}.jsonl.zst"], part_size=50)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # All of the texts would be 2 MB.
    assert peaks[1] < peaks[0] + 300_000


def test_progress_reaches_the_size_of_the_input(articles, tmp_path):
    from pactag.bulk.run import local, prepare, run

    seen = []
    ready = prepare(articles, tmp_path / "out", model="fake-1", part_size=4)
    done = run(ready, local(FakeTagger()), progress=lambda *three: seen.append(three))
    size = sum(path.stat().st_size for path in [articles[0], *articles[1].iterdir()])
    assert seen[-1] == (size, size, done.count.sentences)
    assert [read for read, _, _ in seen] == sorted(read for read, _, _ in seen)
