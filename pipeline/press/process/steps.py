"""The press steps that run in a child process, and how much of the machine each may take.

Artwork that needs more than this for one card is a bomb or a mistake: 100 megapixels decode to 400 MB, and drawing the most
detailed of 2,137 public PDFs took 296 MB. Imposing reads normalized artwork alone, and is as large as its batch.
"""

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Step:
    """`wall_s` is longer than `cpu_s`, since a busy machine is not the file's fault."""

    name: str
    memory_bytes: int
    cpu_s: int
    wall_s: float
    file_bytes: int


INSPECT = Step("inspect", 1536 * MB, cpu_s=10, wall_s=30, file_bytes=MB)
NORMALIZE = Step("normalize", 1536 * MB, cpu_s=20, wall_s=60, file_bytes=512 * MB)
PROOF = Step("proof", 1536 * MB, cpu_s=20, wall_s=60, file_bytes=64 * MB)
# A page takes 0.05 to 0.3 s, one with 100 KB of style sheet a second.
RENDER = Step("render", 1024 * MB, cpu_s=5, wall_s=20, file_bytes=64 * MB)
IMPOSE = Step("impose", 4096 * MB, cpu_s=900, wall_s=1800, file_bytes=32_768 * MB)

# One byte on the control socket names a step.
STEPS = {bytes([number]): step for number, step in enumerate((INSPECT, NORMALIZE, PROOF, IMPOSE, RENDER), start=1)}
CODES = {step.name: code for code, step in STEPS.items()}

# The file in a job's folder that holds its pieces.
PIECES = "pieces"
