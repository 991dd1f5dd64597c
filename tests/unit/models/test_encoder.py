"""Fine-tuning: what is trained at which rate, and that it learns."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

from pactag.config import ContextConfig, TrainingConfig
from pactag.corpus.rows import LabelledSentences
from pactag.errors import ConfigError, ModelFolderError
from pactag.model_folder import TORCH_WEIGHTS, read_manifest
from pactag.models import checkpoints, finetuning, pretrained
from pactag.models.base import FitContext
from pactag.models.batching import LengthGroupedBatches
from pactag.models.encoder import EncoderClassifier
from pactag.models.finetuning import drop_tokens, parameter_groups
from pactag.models.pooled import PooledNetwork
from pactag.models.pretrained import load_pretrained
from pactag.models.teachers import Lesson, lesson_of
from pactag.score_files import write_table
from pactag.sentences import SentenceInput


@pytest.fixture(scope="module")
def network(tiny_base) -> PooledNetwork:
    return PooledNetwork(load_pretrained(str(tiny_base), None).encoder, 4)


def _rates(network: PooledNetwork, **settings) -> dict[str, float]:
    groups = parameter_groups(network, TrainingConfig(**settings))
    rate_of = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    return {name: rate_of[id(parameter)] for name, parameter in network.named_parameters() if id(parameter) in rate_of}


def test_head_has_its_own_rate(network):
    rates = _rates(network, learning_rate=1e-4, head_learning_rate=1e-3)
    assert rates["head.weight"] == 1e-3
    assert {rate for name, rate in rates.items() if name.startswith("encoder.")} == {1e-4}


def test_rate_falls_with_each_layer(network):
    rates = _rates(network, learning_rate=1e-4, layer_decay=0.5)
    assert rates["encoder.encoder.layer.1.output.dense.weight"] == pytest.approx(1e-4)
    assert rates["encoder.encoder.layer.0.output.dense.weight"] == pytest.approx(0.5e-4)
    assert rates["encoder.embeddings.word_embeddings.weight"] == pytest.approx(0.25e-4)


def test_biases_and_norms_do_not_decay(network):
    groups = parameter_groups(network, TrainingConfig(weight_decay=0.1))
    assert all((parameter.ndim > 1) == (group["weight_decay"] > 0) for group in groups for parameter in group["params"])


def test_every_trainable_parameter_is_in_one_group(network):
    grouped = [id(parameter) for group in parameter_groups(network, TrainingConfig()) for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in network.parameters())


def test_batches_hold_sentences_of_like_length():
    lengths = np.random.default_rng(0).integers(5, 100, 1000)
    order = list(LengthGroupedBatches(lengths, batch_size=10, seed=1))
    spread = [np.ptp(lengths[order[i : i + 10]]) for i in range(0, 1000, 10)]
    assert np.mean(spread) < 10


def test_batches_come_in_an_order_that_does_not_follow_their_length():
    lengths = np.random.default_rng(0).integers(5, 100, 1000)
    order = list(LengthGroupedBatches(lengths, batch_size=10, seed=1))
    means = [lengths[order[i : i + 10]].mean() for i in range(0, 1000, 10)]
    assert abs(np.corrcoef(means[:50], range(50))[0, 1]) < 0.4


def test_every_sentence_is_drawn_once_an_epoch_in_a_new_order():
    sampler = LengthGroupedBatches([5, 6, 7, 8, 9, 10, 11] * 3, batch_size=4, seed=1)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(21))
    assert first != second


def test_frozen_embeddings_stay_as_they_are(config_of, schema, tiny_base):
    sentences = _separable(schema, 32)
    model = EncoderClassifier.fit(sentences, sentences, config=config_of("encoder"), labels=schema.names, context=FitContext())
    before = load_pretrained(str(tiny_base), None).encoder.get_input_embeddings().weight
    assert torch.equal(model.network.encoder.get_input_embeddings().weight, before)


def test_it_learns_what_can_be_learnt(config_of, schema):
    sentences = _separable(schema, 128)
    config = config_of("encoder", training={"epochs": 40, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "early_stopping": None})
    model = EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())
    assert ((model.predict_logits(sentences.inputs) > 0) == sentences.targets).mean() > 0.95


def test_progress_and_figures_are_told(config_of, schema):
    steps, figures = [], []
    context = FitContext(
        report=lambda f, step: figures.append((set(f), step)), progress=lambda done, total, word: steps.append((done, total))
    )
    sentences = _separable(schema, 64)
    EncoderClassifier.fit(sentences, sentences, config=config_of("encoder"), labels=schema.names, context=context)
    assert steps[-1] == (2, 2)
    assert figures == [({"loss", "f1_macro"}, 2)]


def test_training_that_ends_within_an_epoch_is_saved_once_at_its_end(config_of, schema, tmp_path):
    sentences = _separable(schema, 64)
    training = {"epochs": 1.5, "batch_size": 8, "checkpoint_steps": 3, "early_stopping": None}
    context = FitContext(checkpoints=tmp_path)
    EncoderClassifier.fit(sentences, sentences, config=config_of("encoder", training=training), labels=schema.names, context=context)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000012"]
    assert checkpoints.Checkpoint(checkpoints.newest(tmp_path)).progress.finished


def test_training_that_diverges_is_told(config_of, schema, monkeypatch):
    sentences = _separable(schema, 16)
    monkeypatch.setattr(EncoderClassifier, "predict_logits", lambda self, inputs: np.full((len(inputs), 4), np.nan, dtype=np.float32))
    with pytest.raises(ConfigError, match=r"training: diverged at step 1 or before\. Lower training\.learning_rate"):
        EncoderClassifier.fit(sentences, sentences, config=config_of("encoder"), labels=schema.names, context=FitContext())


def test_stops_early_when_nothing_improves(config_of, schema):
    figures = []
    config = config_of("encoder", training={"epochs": 50, "learning_rate": 1e-9, "head_learning_rate": 1e-9, "early_stopping": 1})
    sentences = _separable(schema, 16)
    context = FitContext(report=lambda f, step: figures.append(step))
    EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=context)
    assert len(figures) < 10


def test_precision_is_that_of_the_config_whatever_a_launcher_says(config_of, schema, monkeypatch):
    # As `accelerate launch` does it, by the settings of its own that somebody saved.
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    seen = []
    real = finetuning._Trainer.compute_loss

    def compute_loss(self, model, inputs, **more):
        seen.append((self.accelerator.mixed_precision, torch.is_autocast_enabled("cpu")))
        return real(self, model, inputs, **more)

    monkeypatch.setattr(finetuning._Trainer, "compute_loss", compute_loss)
    sentences = _separable(schema, 16)
    EncoderClassifier.fit(sentences, sentences, config=config_of("encoder"), labels=schema.names, context=FitContext())
    assert set(seen) == {("no", False)}


def test_base_that_cannot_be_read_is_no_matter_of_the_network():
    told = str(pretrained._why_not("some-org/some-model", False, ValueError("`sentencepiece` is required")))
    assert "holds no encoder that can be loaded (`sentencepiece` is required)" in told


def test_unknown_folder_is_told(config_of):
    with pytest.raises(ConfigError, match=r"model\.base: no folder \./nowhere"):
        load_pretrained("./nowhere", None)


def test_unreachable_hub_is_one_sentence():
    with pytest.raises(ConfigError) as error:
        load_pretrained("some-org/some-model", None)
    assert "\n" not in str(error.value)
    assert "could not be fetched from the Hugging Face hub" in str(error.value)
    assert "--set model.base=minilm" in str(error.value)


def test_base_whose_tokenizer_is_a_sentencepiece_model_is_read(tmp_path):
    """As DeBERTa v3 comes from the hub."""
    import sentencepiece

    text = ["the port has pilots and a harbour", "they said no to the offer of talks", "it rained on the hills over the town"] * 4
    special = ["[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_prefix=str(tmp_path / "spm"),
        vocab_size=60,
        hard_vocab_limit=False,
        user_defined_symbols=special,
        pad_id=-1,
        minloglevel=2,
    )
    (tmp_path / "spm.vocab").unlink()
    (tmp_path / "tokenizer_config.json").write_text('{"vocab_type": "spm"}')
    config = transformers.DebertaV2Config(vocab_size=80, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    transformers.DebertaV2Model(config).save_pretrained(tmp_path)
    tokenizer = load_pretrained(str(tmp_path), None).tokenizer
    assert tokenizer.decode(tokenizer.encode("the pilots said no").ids, skip_special_tokens=True) == "the pilots said no"


def test_folder_without_an_encoder_is_told(tmp_path):
    with pytest.raises(ConfigError, match="holds no encoder that can be loaded"):
        load_pretrained(str(tmp_path), None)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", lambda whole: b"version https://git-lfs.github.com/spec/v1\noid sha256:53aa\nsize 90868376\n"),
        ("model.safetensors", lambda whole: whole[: len(whole) // 2]),
        ("config.json", lambda whole: whole.replace(b'"hidden_size": 32', b'"hidden_size": 64')),
        ("config.json", lambda whole: whole.replace(b'"hidden_size": 32', b'"hidden_size": "wide"')),
        ("tokenizer.json", lambda whole: b"{}"),
        ("tokenizer.json", lambda whole: whole[: len(whole) // 2]),
    ],
    ids=["git-LFS pointer", "cut weights", "other sizes", "a word for a size", "no tokenizer", "cut tokenizer"],
)
def test_folder_with_a_damaged_encoder_is_told(tiny_base, tmp_path, name: str, damage):
    shutil.copytree(tiny_base, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(ConfigError, match=r"model\.base: the folder .* holds no encoder that can be loaded \(.*Check its files"):
        load_pretrained(str(tmp_path), None)


def test_weights_that_lack_tensors_are_no_base(tiny_base, tmp_path):
    """A wrapper may have saved them under names of its own; transformers would draw them at random."""
    shutil.copytree(tiny_base, tmp_path, dirs_exist_ok=True)
    weights = safetensors.torch.load_file(tmp_path / "model.safetensors")
    wrapped = {f"wrapped.{name}": tensor for name, tensor in weights.items()}
    safetensors.torch.save_file(wrapped, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match=r"model\.base: the weights of .* lack \d+ tensors of its config\.json, such as embeddings"):
        load_pretrained(str(tmp_path), None)


@pytest.mark.parametrize("base", ["minilm", "built-in-small", "tiny"])
def test_revision_of_what_is_not_on_the_hub_is_refused(tiny_base, base: str):
    with pytest.raises(ConfigError, match=r"model\.revision: is 'v2', and .* is none of the hub"):
        load_pretrained(str(tiny_base) if base == "tiny" else base, "v2")


def test_trained_model_with_damaged_weights_is_told(trained, tmp_path):
    shutil.copytree(trained["encoder"].folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / TORCH_WEIGHTS).write_bytes(b"")
    with pytest.raises(ModelFolderError, match=r"model\.safetensors: cannot be read"):
        EncoderClassifier.load(tmp_path, read_manifest(trained["encoder"].folder))


def test_altered_bundled_weights_are_refused(monkeypatch):
    monkeypatch.setattr(pretrained, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(ModelFolderError, match="has SHA-256 53aa51172d14"):
        load_pretrained("minilm", None)


def test_too_many_tokens_for_the_encoder_are_refused(config_of, schema, tiny_base):
    config = config_of("encoder", model={"kind": "encoder", "base": str(tiny_base), "max_tokens": 1024})
    sentences = _separable(schema, 4)
    with pytest.raises(ConfigError, match=r"model\.max_tokens: is 1024\. .* takes at most 512"):
        EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())


def test_places_that_an_encoder_keeps_for_padding_are_not_taken(tiny_base, tmp_path):
    shutil.copytree(tiny_base, tmp_path, dirs_exist_ok=True)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    vocabulary = transformers.AutoTokenizer.from_pretrained(tmp_path).vocab_size
    config = transformers.MPNetConfig(vocab_size=vocabulary, max_position_embeddings=514, **sizes)
    transformers.MPNetModel(config).save_pretrained(tmp_path)
    assert load_pretrained(str(tmp_path), None).max_positions == 512


def _separable(schema, count: int) -> LabelledSentences:
    """Sentences whose first word decides their one label."""
    words = ("offer", "blame", "strike", "unless")
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, 4, count)
    inputs = tuple(SentenceInput(f"{words[c]} number {n}") for n, c in enumerate(chosen))
    targets = np.eye(len(schema.names), dtype=np.float32)[chosen]
    return LabelledSentences(inputs, targets, tuple(str(n) for n in range(count)), tuple(str(n) for n in range(count)))


def test_attention_starts_as_the_mean(tiny_base):
    encoder = load_pretrained(str(tiny_base), None).encoder.eval()
    mean, attentive = PooledNetwork(encoder, 4).eval(), PooledNetwork(encoder, 4, pooling="attention").eval()
    attentive.head.load_state_dict(mean.head.state_dict())
    ids, attention, pool = torch.tensor([[101, 2054, 2003, 102]]), torch.ones(1, 4, dtype=torch.long), torch.tensor([[0, 1, 1, 0]])
    assert torch.allclose(attentive(ids, attention, pool), mean(ids, attention, pool), atol=1e-5)
    assert torch.allclose(attentive.attention(ids, attention, pool), torch.tensor([0.0, 0.5, 0.5, 0.0]), atol=1e-6)


def test_dropped_tokens_are_masked_and_special_ones_kept():
    torch.manual_seed(0)
    ids = torch.tensor([[101, *range(2000, 2200), 102, 0, 0]])
    dropped = drop_tokens(ids, share=0.3, mask_id=103, keep=(101, 102, 0))
    changed = dropped != ids
    assert not changed[0, [0, -3, -2, -1]].any()
    assert set(dropped[changed].tolist()) == {103}
    assert 30 < changed.sum() < 90


@pytest.mark.parametrize("recipe", [{"r_drop": 1.0}, {"weight_average": 0.9}, {"token_dropout": 0.2}, {"focal_gamma": 2.0}])
def test_every_recipe_learns(config_of, schema, recipe):
    sentences = _separable(schema, 64)
    settings = {"epochs": 20, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "early_stopping": None}
    config = config_of("encoder", training={**settings, **recipe})
    model = EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())
    logits = model.predict_logits(sentences.inputs)
    assert (logits.argmax(1) == sentences.targets.argmax(1)).mean() > 0.8


def test_student_follows_its_teacher(config_of, schema, trained):
    """The labels are turned round: who follows the teacher alone does not learn them."""
    sentences = _separable(schema, 64)
    teacher = trained["frozen"].folder
    settings = {"epochs": 30, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "early_stopping": None}
    config = config_of("encoder", training={**settings, "teachers": [str(teacher)], "teacher_weight": 1.0})
    model = EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())
    wanted = lesson_of([teacher], sentences, labels=schema.names).scores
    found = 1 / (1 + np.exp(-model.predict_logits(sentences.inputs)))
    assert np.abs(found - wanted).mean() < 0.1


def _fitted(config_of, schema, sentences, **training):
    settings = {"epochs": 30, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "early_stopping": None}
    config = config_of("encoder", training={**settings, **training})
    return EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())


def test_student_comes_near_the_vectors_of_its_teacher(config_of, schema, trained):
    sentences = _separable(schema, 64)
    teacher = trained["frozen"].folder
    wanted = lesson_of([teacher], sentences, labels=schema.names, vectors=True).vectors

    def away(weight: float) -> float:
        student = _fitted(config_of, schema, sentences, teachers=[str(teacher)], teacher_weight=0.0, teacher_vectors=weight)
        return float(((student.embed(sentences.inputs) - wanted) ** 2).mean())

    assert away(1.0) < 0.2 * away(0.0)


def _in_context(*before: str, title: str | None) -> LabelledSentences:
    return LabelledSentences((SentenceInput("They may strike.", before, title),), np.zeros((1, 4), dtype=np.float32), ("a",), ("a:0",))


def test_teacher_sees_what_it_was_trained_to_see(schema, trained):
    """The student sees more of an article than its teacher, of which there is one with a context and one without."""
    more, context = _in_context("Talks began.", "He left.", "Nobody came.", title="Port"), ContextConfig(preceding=3, title=True)
    for kind, own in (("encoder", _in_context("Nobody came.", title="Port")), ("frozen", _in_context(title=None))):
        asked, alone = (lesson_of([trained[kind].folder], given, labels=schema.names, context=context).scores for given in (more, own))
        np.testing.assert_array_equal(asked, alone)


@pytest.mark.parametrize("context", [ContextConfig(preceding=1), ContextConfig(title=True)])
def test_teacher_that_looks_at_more_than_the_student_is_told(schema, trained, context):
    given = _in_context("Nobody came.", title="Port")
    with pytest.raises(ConfigError, match=r"training\.teachers: .* reads preceding 1, title True, of which the student sees"):
        lesson_of([trained["encoder"].folder], given, labels=schema.names, context=context)


def test_vectors_of_two_teachers_are_refused(schema, trained):
    teacher = trained["frozen"].folder
    with pytest.raises(ConfigError, match=r"training\.teacher_vectors: follows the vectors of 2 teachers"):
        lesson_of([teacher, teacher], _separable(schema, 1), labels=schema.names, vectors=True)


def test_vectors_of_another_width_are_refused(config_of, schema, trained, monkeypatch):
    sentences = _separable(schema, 8)
    lesson = Lesson(np.zeros((8, 4), dtype=np.float32), np.zeros((8, 3), dtype=np.float32))
    monkeypatch.setattr("pactag.models.encoder.lesson_of", lambda *_, **__: lesson)
    with pytest.raises(ConfigError, match=r"training\.teacher_vectors: follows vectors of 3 numbers, the encoder has \d+"):
        _fitted(config_of, schema, sentences, teachers=[str(trained["frozen"].folder)], teacher_vectors=1.0)


def test_vectors_without_a_teacher_are_refused():
    with pytest.raises(ValueError, match="`teacher_vectors` needs a teacher"):
        TrainingConfig(teacher_vectors=1.0)


def test_narrow_student_learns(config_of, schema, tiny_base):
    sentences = _separable(schema, 64)
    settings = {"epochs": 20, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "early_stopping": None}
    config = config_of("encoder", model={"kind": "encoder", "base": str(tiny_base), "feed_forward": 8}, training=settings)
    model = EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())
    assert (model.predict_logits(sentences.inputs).argmax(1) == sentences.targets.argmax(1)).mean() > 0.8
    assert model.network.encoder.config.intermediate_size == 8


def test_teacher_with_other_labels_is_told(schema, trained):
    with pytest.raises(ConfigError, match=r"training\.teachers: .* has the labels"):
        lesson_of([trained["tfidf"].folder], _separable(schema, 1), labels=("praise",))


def _file_of_scores(path, schema, scores):
    write_table(path, {"id": list(scores), **{f"score_{name}": [row[i] for row in scores.values()] for i, name in enumerate(schema.names)}})
    return path


def test_a_file_of_scores_teaches_as_its_model_does(schema, trained, tmp_path):
    sentences, teacher = _separable(schema, 8), trained["frozen"].folder
    asked = lesson_of([teacher], sentences, labels=schema.names).scores
    written = _file_of_scores(tmp_path / "scores.csv", schema, dict(zip(sentences.ids, asked, strict=True)))
    assert np.allclose(lesson_of([written], sentences, labels=schema.names).scores, asked, atol=1e-6)
    assert np.allclose(lesson_of([written, teacher], sentences, labels=schema.names).scores, asked, atol=1e-6)


def test_labels_stand_in_for_scores_that_a_file_lacks(schema, tmp_path):
    sentences = _separable(schema, 3)
    written = _file_of_scores(tmp_path / "scores.csv", schema, {"1": [0.5] * len(schema.names)})
    found = lesson_of([written], sentences, labels=schema.names).scores
    assert np.array_equal(found[[0, 2]], sentences.targets[[0, 2]])
    assert (found[1] == 0.5).all()


def test_a_file_of_other_sentences_is_refused(schema, tmp_path):
    written = _file_of_scores(tmp_path / "scores.csv", schema, {"other:0": [0.5] * len(schema.names)})
    with pytest.raises(ConfigError, match=r"training\.teachers: .*scores\.csv holds none of the sentences, such as '0'"):
        lesson_of([written], _separable(schema, 2), labels=schema.names)


def test_a_file_of_scores_has_no_vectors_to_follow(schema, tmp_path):
    written = _file_of_scores(tmp_path / "scores.csv", schema, {"0": [0.5] * len(schema.names)})
    with pytest.raises(ConfigError, match=r"training\.teacher_vectors: .*a file of scores"):
        lesson_of([written], _separable(schema, 2), labels=schema.names, vectors=True)


# Going on from a trained model

UNMOVED = {"epochs": 1, "learning_rate": 1e-9, "head_learning_rate": 1e-9, "weight_decay": 0.0, "early_stopping": None}


def _going_on(config_of, schema, folder, sentences, *, labels=None, training=UNMOVED, **model):
    settings = {"kind": "encoder", "base": str(folder), "max_tokens": 48, "context": {"preceding": 1, "title": True}, **model}
    config = config_of("encoder", model=settings, training=training)
    return EncoderClassifier.fit(sentences, sentences, config=config, labels=labels or schema.names, context=FitContext())


def test_training_goes_on_from_all_that_a_trained_model_knows(config_of, schema, trained):
    folder, sentences = trained["encoder"].folder, _separable(schema, 16)
    model = _going_on(config_of, schema, folder, sentences)
    before = EncoderClassifier.load(folder, read_manifest(folder))
    np.testing.assert_allclose(model.predict_logits(sentences.inputs), before.predict_logits(sentences.inputs), atol=1e-4)


def test_for_other_labels_only_the_encoder_is_taken(config_of, schema, trained):
    folder, sentences = trained["encoder"].folder, _separable(schema, 16)
    model = _going_on(config_of, schema, folder, sentences, labels=tuple(reversed(schema.names)))
    before = EncoderClassifier.load(folder, read_manifest(folder))
    np.testing.assert_allclose(model.embed(sentences.inputs), before.embed(sentences.inputs), atol=1e-4)
    assert not torch.allclose(model.network.head.weight, before.network.head.weight)


def test_fewer_layers_of_a_trained_model(config_of, schema, trained):
    folder, sentences = trained["encoder"].folder, _separable(schema, 16)
    model = _going_on(config_of, schema, folder, sentences, layers=[1])
    kept, known = model.network.encoder.encoder.layer[0].state_dict(), safetensors.torch.load_file(folder / TORCH_WEIGHTS)
    for name, value in kept.items():
        torch.testing.assert_close(value, known[f"encoder.encoder.layer.1.{name}"], atol=1e-4, rtol=1e-4)


def test_model_without_an_encoder_is_no_base(trained):
    with pytest.raises(ConfigError, match=r"model\.base: .* has no encoder to go on from"):
        load_pretrained(str(trained["tfidf"].folder), None)


def test_digest_of_a_base_is_of_what_its_weights_hold(tiny_base, tmp_path):
    folder = tmp_path / "in-parts"
    encoder = transformers.AutoModel.from_pretrained(tiny_base, add_pooling_layer=False)
    encoder.save_pretrained(folder, max_shard_size="100KB")
    transformers.AutoTokenizer.from_pretrained(tiny_base).save_pretrained(folder)
    assert not (folder / "model.safetensors").exists()
    digests = set()
    for seed in (1, 2):
        torch.manual_seed(seed)
        digests.add(load_pretrained(str(folder), None).info.sha256)
    assert len(digests) == 1


def test_hiding_tokens_without_a_token_for_it_is_refused(config_of, schema, monkeypatch):
    without = dataclasses.replace(load_pretrained(str(config_of("encoder").model.base), None), mask_id=None)
    monkeypatch.setattr("pactag.models.encoder.load_pretrained", lambda *_: without)
    config = config_of("encoder", training={**config_of("encoder").training.model_dump(), "token_dropout": 0.1})
    sentences = _separable(schema, 16)
    with pytest.raises(ConfigError, match=r"training\.token_dropout: hides tokens, and .* has no token such as \[MASK\]"):
        EncoderClassifier.fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())
