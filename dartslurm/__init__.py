"""DARTSlurm: unmodified Python jobs that outlive their wall time."""

from dartslurm._version import __version__ as __version__
