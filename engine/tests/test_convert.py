"""Conversion: what a model directory becomes, and what is refused."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from handed import CHATML, SPECIALS, edit, handed
from safetensors.torch import load_file, save_file

from t1_engine import convert
from t1_engine.status import Code, Refused

pytest_plugins = ["models"]


def converted(source: Path, destination: Path) -> Path:
    convert.write(convert.read(source), destination)
    return destination


def bytes_of(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_files_and_what_they_say(tiny_directory, tmp_path):
    made = converted(tiny_directory, tmp_path / "made")
    assert set(bytes_of(made)) == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    about = json.loads((made / "tokenizer_config.json").read_text())
    assert (about["eos_token"], about["chat_template"]) == (SPECIALS[2], CHATML)
    before, after = load_file(tiny_directory / "model.safetensors"), load_file(made / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_shards_and_names_do_not_matter(tiny_directory, tmp_path):
    whole = bytes_of(converted(tiny_directory, tmp_path / "whole"))
    tensors = load_file(tiny_directory / "model.safetensors")
    (tiny_directory / "model.safetensors").unlink()
    places = {}
    for n, names in enumerate((sorted(tensors)[5:], sorted(tensors)[:5])):
        file = f"model-0000{n + 1}-of-00002.safetensors"
        save_file({name: tensors[name] for name in names}, tiny_directory / file)
        places |= dict.fromkeys(names, file)
    edit(tiny_directory / "model.safetensors.index.json", weight_map=places)
    assert bytes_of(converted(tiny_directory, tmp_path / "sharded")) == whole
    assert bytes_of(converted(tmp_path / "whole", tmp_path / "again")) == whole


def test_the_element_type_is_kept(tiny_directory, tmp_path):
    file = tiny_directory / "model.safetensors"
    half = {name: t.bfloat16() for name, t in load_file(file).items()}
    half["model.norm.weight"] = half["model.norm.weight"].float()[:32]  # an odd one
    save_file(half, file)
    made = converted(tiny_directory, tmp_path / "made")
    after = load_file(made / "model.safetensors")
    assert {name: t.dtype for name, t in after.items()} == {name: t.dtype for name, t in half.items()}
    assert json.loads((made / "config.json").read_text())["torch_dtype"] == "bfloat16"
    state = convert.read(made).state()
    for name, p in state.policy.named_parameters():
        assert p.dtype == torch.float32 and p.requires_grad
        assert torch.equal(p, half[name].float()), name


def test_every_eos_counts_and_the_tokenizers_comes_first(tiny_directory, tmp_path):
    edit(tiny_directory / "config.json", eos_token_id=[0, 1])
    edit(tiny_directory / "generation_config.json", eos_token_id=[1, 7])
    made = converted(tiny_directory, tmp_path / "made")
    assert json.loads((made / "config.json").read_text())["eos_token_id"] == [2, 0, 1, 7]
    assert json.loads((made / "generation_config.json").read_text())["eos_token_id"] == [2, 0, 1, 7]


def test_a_template_in_a_file_of_its_own_wins(tiny_directory):
    (tiny_directory / "chat_template.jinja").write_text("{{ 'from the file' }}")
    assert convert.read(tiny_directory).language.template == "{{ 'from the file' }}"


def test_a_tokenizer_that_would_cut_texts_does_not(tiny_directory):
    raw = json.loads((tiny_directory / "tokenizer.json").read_text())
    raw["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    (tiny_directory / "tokenizer.json").write_text(json.dumps(raw))
    assert len(convert.read(tiny_directory).language.encode(["a text of 21 letters."])[0]) == 21


def link(directory: Path, name: str = "model.safetensors") -> None:
    elsewhere = directory.parent / "elsewhere"
    shutil.move(directory / name, elsewhere)
    (directory / name).symlink_to(elsewhere)


def rename(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")


def reach_out(directory: Path) -> None:
    shutil.move(directory / "model.safetensors", directory.parent / "out.safetensors")
    edit(directory / "model.safetensors.index.json", weight_map={"model.norm.weight": "../out.safetensors"})


def cut(directory: Path) -> None:
    file = directory / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def without(directory: Path, name: str = "model.norm.weight") -> None:
    tensors = load_file(directory / "model.safetensors")
    save_file({n: t for n, t in tensors.items() if n != name}, directory / "model.safetensors")


def double(directory: Path) -> None:
    tensors = load_file(directory / "model.safetensors")
    save_file({n: t.double() for n, t in tensors.items()}, directory / "model.safetensors")


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (lambda d: link(d), "INVALID_ARGUMENT", "symbolic link"),
        (lambda d: link(d, "tokenizer.json"), "INVALID_ARGUMENT", "symbolic link"),
        (reach_out, "INVALID_ARGUMENT", "'../out.safetensors'"),
        (rename, "INVALID_ARGUMENT", "no model.safetensors"),
        (cut, "DATA_LOSS", ""),
        (without, "INVALID_ARGUMENT", "tensors missing: model.norm.weight"),
        (double, "INVALID_ARGUMENT", "elements of type F64"),
        (lambda d: edit(d / "config.json", auto_map={"AutoModel": "m.M"}), "INVALID_ARGUMENT", "auto_map"),
        (lambda d: edit(d / "config.json", model_type="mistral"), "INVALID_ARGUMENT", "'mistral' is not supported"),
        (lambda d: edit(d / "config.json", hidden_size=64), "INVALID_ARGUMENT", "config.json says"),
        (lambda d: edit(d / "config.json", hidden_size="32"), "INVALID_ARGUMENT", "hidden_size: '32'"),
        (lambda d: edit(d / "config.json", rms_norm_eps="x"), "INVALID_ARGUMENT", "rms_norm_eps: 'x'"),
        (lambda d: edit(d / "config.json", num_hidden_layers=4000), "INVALID_ARGUMENT", "4000 layers"),
        (lambda d: edit(d / "config.json", vocab_size=None), "INVALID_ARGUMENT", "missing: vocab_size"),
        (lambda d: edit(d / "config.json", vocab_size=100), "INVALID_ARGUMENT", "vocab_size 100"),
        (lambda d: edit(d / "generation_config.json", eos_token_id="x"), "INVALID_ARGUMENT", "eos_token_id"),
        (lambda d: (d / "config.json").write_text("{"), "DATA_LOSS", "not JSON"),
        (lambda d: (d / "tokenizer.json").write_text("{}"), "DATA_LOSS", "not a tokenizer"),
        (lambda d: (d / "tokenizer.json").unlink(), "INVALID_ARGUMENT", "no tokenizer.json"),
        (shutil.rmtree, "NOT_FOUND", "not there"),
    ],
)
def test_refusals_name_what_is_wrong(tiny_directory, spoil, code, says):
    spoil(tiny_directory)
    with pytest.raises(Refused) as refused:
        convert.read(tiny_directory)
    assert (refused.value.code.name, says in str(refused.value)) == (code, True), str(refused.value)
    assert str(tiny_directory) in str(refused.value)


def test_the_command_says_one_sentence(tiny_directory, tmp_path, monkeypatch, capsys):
    def run(*arguments: Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["convert", *map(str, arguments)])
        status = convert.main()
        return status, *capsys.readouterr()

    status, out, err = run(tiny_directory, tmp_path / "made")
    assert (status, err, json.loads(out)["eos"]) == (0, "", [2, 0])
    status, out, err = run(tiny_directory, tmp_path / "made")
    assert (status, out, err.count("\n"), "must not exist" in err) == (2, "", 1, True)
    status, out, err = run(tmp_path / "none.gguf", tmp_path / "other")
    assert (status, out, "not there" in err) == (3, "", True)
    assert not (tmp_path / "other").exists()


def test_gguf_without_its_packages_or_its_bytes(tmp_path, monkeypatch):
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(Refused, match="not a whole GGUF file") as refused:
        convert.read(tmp_path / "m.gguf")
    assert refused.value.code is Code.DATA_LOSS
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(
        Refused, match=r"package gguf, which is not installed; run `cd engine && uv sync .* --group import`"
    ):
        convert.read(tmp_path / "m.gguf")


def test_qwen2_is_read(tmp_path):
    source = handed(tmp_path / "qwen", model_type="qwen2", tie_word_embeddings=True)
    assert convert.about(convert.read(converted(source, tmp_path / "made")))["architecture"] == "qwen2"
