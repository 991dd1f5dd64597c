"""Run configs: what may be left out, what --set changes, and that every mistake is told with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pactag.config import (
    ContextConfig,
    DataConfig,
    EncoderModel,
    FrozenModel,
    OperatingPoint,
    RunConfig,
    TfidfModel,
    TrackingConfig,
    TrainingConfig,
    config_json_schema,
    load_config,
)
from pactag.errors import ConfigError

TFIDF = "name: x\nmodel:\n  kind: tfidf\n"
ENCODER = "name: x\nmodel:\n  kind: encoder\ntraining:\n  epochs: 3\n"


@pytest.fixture
def load(tmp_path):
    def from_text(text: str, *overrides: str) -> RunConfig:
        path = tmp_path / "c.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, overrides)

    return from_text


@pytest.fixture
def problems(load, tmp_path):
    def of(text: str, *overrides: str) -> list[str]:
        with pytest.raises(ConfigError) as error:
            load(text, *overrides)
        return [str(problem).replace(f"{tmp_path}/", "") for problem in error.value.problems]

    return of


def test_name_and_kind_are_enough(load):
    config = load(TFIDF)
    assert (config.name, config.model, config.seed, config.data) == ("x", TfidfModel(), 1, DataConfig())


def test_encoder_gets_training_settings_when_none_are_given(load):
    assert load("name: x\nmodel: {kind: encoder}\n").training == TrainingConfig()


def test_null_training_of_an_encoder_means_the_defaults(load):
    assert load("name: x\nmodel: {kind: encoder}\ntraining: null\n").training == TrainingConfig()


@pytest.mark.parametrize("kind", ["tfidf", "frozen"])
def test_training_settings_that_would_idle_are_refused(problems, kind: str):
    (told,) = problems(f"name: x\nmodel: {{kind: {kind}}}\ntraining: {{epochs: 2}}\n")
    assert told.startswith("c.yaml: not allowed. `training` is used by the kind 'encoder' only; drop it")


def test_models_without_context_see_the_sentence_alone(load):
    assert load(TFIDF).context == ContextConfig(preceding=0, title=False)


def test_context_is_that_of_the_model(load):
    assert load("name: x\nmodel: {kind: frozen, context: {preceding: 2, title: true}}\n").context == ContextConfig(preceding=2, title=True)


def test_number_in_scientific_notation_without_a_point_is_a_number(load):
    assert load(TFIDF + "  c: 3e-5\n").model.c == 3e-5


def test_config_cannot_be_changed(load):
    config = load(TFIDF)
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 2


# What --set does


def test_override_replaces_one_setting_and_leaves_the_rest(load):
    config = load(ENCODER, "training.learning_rate=3e-5")
    assert (config.training.learning_rate, config.training.epochs) == (3e-5, 3)


def test_override_makes_parts_that_the_file_lacks(load):
    assert load(TFIDF, "tracking.experiment=trial").tracking.experiment == "trial"


def test_last_override_wins(load):
    assert load(TFIDF, "model.c=1", "model.c=2").model.c == 2


def test_override_is_read_as_yaml(load):
    config = load(
        ENCODER.replace("encoder", "tfidf").replace("training:\n  epochs: 3\n", ""), "model.word_ngrams=[1, 2]", "model.class_weight=null"
    )
    assert (config.model.word_ngrams, config.model.class_weight) == ((1, 2), None)


def test_override_keeps_equals_signs_in_the_value(load):
    assert load(TFIDF, "tracking.uri=http://host/?a=b").tracking.uri == "http://host/?a=b"


def test_override_can_change_the_kind(load):
    assert load(TFIDF, "model.kind=frozen").model == FrozenModel()


def test_override_leaves_the_file_as_it_is(load, tmp_path):
    load(TFIDF, "seed=7")
    assert (tmp_path / "c.yaml").read_text() == TFIDF


def test_malformed_overrides_are_all_told(problems):
    told = problems(TFIDF, "seed", "=3", "model.c=[1", "save=!!bool maybe")
    assert [line.split(". ")[0] for line in told] == [
        "--set seed: is not of the form name=value",
        "--set =3: is not of the form name=value",
        "--set model.c=[1: '[1' is not a YAML value",
        "--set save=!!bool maybe: '!!bool maybe' is not a YAML value",
    ]


def test_override_that_yaml_cannot_make_is_told(problems):
    (told,) = problems(TFIDF, "name=2024-13-45")
    assert "2024-13-45" in told


def test_override_of_an_unknown_field_suggests_the_close_one(problems):
    (told,) = problems(ENCODER, "training.learning_rat=0.1")
    assert told.endswith("training.learning_rat: unknown field. Did you mean learning_rate or head_learning_rate?")


def test_bad_override_is_not_blamed_on_the_line_it_replaces(problems):
    (told,) = problems(ENCODER, "training.epochs=-1")
    assert "training.epochs: -1 is not allowed" in told
    assert "c.yaml:5" not in told


# What is refused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model: {kind: tfidf}\n", "c.yaml:1: name: is missing. Add it"),
        ("name: x\n", "c.yaml:1: model: is missing. Add it"),
        ("name: x\nmodel: {c: 1}\n", "c.yaml:2: model.kind: does not say its kind"),
        (TFIDF.replace("tfidf", "tfid"), "c.yaml:3: model.kind: 'tfid' is not a kind. Allowed kinds: 'tfidf', 'frozen', 'encoder'"),
        (TFIDF + "sed: 3\n", "c.yaml:4: sed: unknown field. Did you mean seed or seeds?"),
        (TFIDF + "  max_tokens: 3\n", "c.yaml:4: model.max_tokens: unknown field. Allowed here: kind, word_ngrams"),
        (ENCODER + "  lerning_rate: 1\n", "c.yaml:6: training.lerning_rate: unknown field. Did you mean learning_rate"),
        (ENCODER + "  schedule: cubic\n", "c.yaml:6: training.schedule: 'cubic' is not allowed. Input should be 'linear', 'cosine'"),
        (ENCODER + "  batch_size: 1.5\n", "c.yaml:6: training.batch_size: 1.5 is not allowed"),
        (ENCODER + "  learning_rate: fast\n", "c.yaml:6: training.learning_rate: 'fast' is not allowed"),
        (ENCODER + "  weight_decay: .nan\n", "c.yaml:6: training.weight_decay: nan is not allowed"),
        (TFIDF + "  c: .inf\n", "c.yaml:4: model.c: inf is not allowed"),
        (TFIDF + "  word_ngrams: [1, 2, 3]\n", "c.yaml:4: model.word_ngrams: "),
        (ENCODER + "  label_smoothing: 0.5\n", "c.yaml:6: training.label_smoothing: 0.5 is not allowed. Input should be less than 0.5"),
        ("name: x\nmodel:\n  kind: encoder\n  dropout: 1\n", "c.yaml:4: model.dropout: 1 is not allowed. Input should be less than 1"),
        ("name: x\nmodel:\n  kind: encoder\n  max_tokens: 7\n", "c.yaml:4: model.max_tokens: 7 is not allowed"),
        (TFIDF + "data: {train_share: 0}\n", "c.yaml:4: data.train_share: 0 is not allowed. Input should be greater than 0"),
        (TFIDF + "data: {train_share: 1.1}\n", "c.yaml:4: data.train_share: 1.1 is not allowed"),
        (TFIDF + "seed: -1\n", "c.yaml:4: seed: -1 is not allowed"),
        (TFIDF + "tracking: {experiment: ''}\n", "c.yaml:4: tracking.experiment: '' is not allowed"),
        ("name: x\nmodel:\n  kind: frozen\n  context: {preceding: 9}\n", "c.yaml:4: model.context.preceding: 9 is not allowed"),
    ],
)
def test_mistake_is_told_with_line_field_and_what_is_allowed(problems, text: str, told: str):
    (found,) = problems(text)
    assert found.startswith(told)


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "-x", "a b", "", "é", "a\\nb"])
def test_name_that_would_not_be_a_plain_folder_is_refused(problems, name: str):
    (told,) = problems(TFIDF.replace("name: x", f'name: "{name}"'))
    assert told.startswith("c.yaml:1: name: ")


@pytest.mark.parametrize("field", ["word_ngrams", "char_ngrams"])
@pytest.mark.parametrize("span", ["[3, 1]", "[0, 2]"])
def test_ngrams_run_from_short_to_long(problems, field: str, span: str):
    (told,) = problems(TFIDF + f"  {field}: {span}\n")
    assert f"{field[1:]} must be [shortest, longest] with 1 <= shortest <= longest, found {span}" in told


@pytest.mark.parametrize(
    ("point", "told"),
    [
        ("objective: precision", "needs `precision`, for example 0.9"),
        ("objective: fixed", "needs `threshold`, for example 0.5"),
        ("objective: f1, precision: 0.9", "`precision` is used with objective 'precision' only"),
        ("objective: f1, threshold: 0.9", "`threshold` is used with objective 'fixed' only"),
        ("objective: fixed, threshold: 0.5, precision: 0.9", "`precision` is used with objective 'precision' only"),
        ("objective: precision, threshold: 0.5, precision: 0.9", "`threshold` is used with objective 'fixed' only"),
    ],
)
def test_operating_point_has_what_its_objective_needs_and_no_more(problems, point: str, told: str):
    (found,) = problems(TFIDF + f"operating_point: {{{point}}}\n")
    assert found.startswith("c.yaml:4: operating_point: not allowed")
    assert told in found


@pytest.mark.parametrize("value", [0, 1, -0.5, 2])
@pytest.mark.parametrize(("objective", "field"), [("precision", "precision"), ("fixed", "threshold")])
def test_operating_point_lies_between_0_and_1(problems, objective: str, field: str, value: float):
    (found,) = problems(TFIDF + f"operating_point: {{objective: {objective}, {field}: {value}}}\n")
    assert found.startswith(f"c.yaml:4: operating_point.{field}: {value} is not allowed")


def test_all_mistakes_are_told_together(problems):
    told = problems("name: a/b\nmodel:\n  kind: tfidf\n  c: -1\n  min_cont: 2\nseed: x\n")
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in told] == [
        "c.yaml:1 name",
        "c.yaml:6 seed",
        "c.yaml:4 model.c",
        "c.yaml:5 model.min_cont",
    ]


@pytest.mark.parametrize("setting", ["seed=4294967296", "seeds=[1, 4294967296]", "model.layers=-1", "model.layers=[]"])
def test_value_that_no_training_can_use_is_refused(load, setting: str):
    with pytest.raises(ConfigError):
        load("name: x\nmodel: {kind: encoder}\n", setting)


def test_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"c\.yaml: no such file"):
        load_config(tmp_path / "c.yaml")


# What is written


SHARES = st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True)
POSITIVE = st.floats(min_value=1e-12, max_value=1e12)
PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0")).map(Path)
OTHERS = st.dictionaries(st.sampled_from(["real", "mine", "wire_2", "a-b"]), PATHS, max_size=2)
NGRAMS = st.lists(st.integers(1, 9), min_size=2, max_size=2).map(lambda pair: tuple(sorted(pair)))
CONTEXTS = st.builds(ContextConfig, preceding=st.integers(0, 8), title=st.booleans())
WEIGHTS = st.sampled_from(["balanced", None])
MODELS = st.one_of(
    st.builds(TfidfModel, word_ngrams=NGRAMS, char_ngrams=NGRAMS, c=POSITIVE, class_weight=WEIGHTS),
    st.builds(FrozenModel, base=st.text(), revision=st.none() | st.text(), context=CONTEXTS, c=POSITIVE),
    st.builds(EncoderModel, base=st.text(), max_tokens=st.integers(8, 8192), context=CONTEXTS, pooling=st.sampled_from(["mean", "first"])),
)
POINTS = st.one_of(
    st.just(OperatingPoint()),
    st.builds(OperatingPoint, objective=st.just("precision"), precision=SHARES),
    st.builds(OperatingPoint, objective=st.just("fixed"), threshold=SHARES),
)


@st.composite
def configs(draw) -> RunConfig:
    model = draw(MODELS)
    training = st.builds(TrainingConfig, learning_rate=SHARES, early_stopping=st.none() | st.integers(1, 9), weight_decay=POSITIVE)
    return RunConfig(
        name=draw(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")),
        seed=draw(st.integers(0, 2**32 - 1)),
        data=draw(st.builds(DataConfig, corpus=PATHS, schema_file=PATHS, also_measure=OTHERS, train_share=SHARES)),
        model=model,
        training=draw(training) if model.kind == "encoder" else None,
        operating_point=draw(POINTS),
        tracking=draw(st.builds(TrackingConfig, uri=st.none() | st.text(), experiment=st.text(min_size=1))),
        output=draw(PATHS),
    )


@settings(max_examples=80)
@given(config=configs())
@example(config=RunConfig(name="x", model=TfidfModel(), output=Path("\x85")))
def test_resolved_config_reads_back_as_itself(config, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round_trip.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(path) == config


def test_resolved_config_spells_out_the_defaults(load):
    text = load(ENCODER).to_yaml()
    assert "seed: 1\n" in text
    assert "  learning_rate: 0.0003\n" in text


def test_flat_names_are_dotted_and_values_are_text(load):
    flat = load(ENCODER, "model.context.preceding=2").flat()
    assert (flat["model.context.preceding"], flat["training.epochs"], flat["data.corpus"]) == ("2", "3.0", "data/corpus")


def test_flat_leaves_out_what_is_not_set(load):
    assert not {"training", "tracking.uri", "operating_point.precision"} & set(load(TFIDF).flat())


def test_json_schema_names_every_field():
    schema = json.loads(config_json_schema())
    assert set(schema["properties"]) == set(RunConfig.model_fields)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("name", ["training.checkpoint_steps", "training.early_stopping", "seed", "model.layers", "training.epochs"])
def test_true_is_no_number(tmp_path, name: str):
    path = tmp_path / "c.yaml"
    path.write_text(ENCODER)
    with pytest.raises(ConfigError, match=rf"{name}.*: true is not allowed"):
        load_config(path, [f"{name}=true"])


def test_share_of_the_sentences_is_refused_for_a_soup(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("name: soup\nmodel: {kind: soup, models: [a, b]}\ndata: {train_share: 0.5}\n")
    with pytest.raises(ConfigError, match=r"`data\.train_share` is for kinds that learn from sentences"):
        load_config(path)


def test_true_in_a_list_of_numbers_is_told_beside_other_mistakes(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("name: x\nmodel: {kind: tfidf, cc: 3}\nseed: true\nseeds: [true, 2]\nfoo: 3\n")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    told = str(error.value)
    assert "c.yaml:3: seed: true is not allowed" in told
    assert "c.yaml:4: seeds.0: true is not allowed" in told
    assert all(name in told for name in ("cc", "foo"))
