"""The demonstration: a training script is killed at random instants and resumed each time.

``train.py`` is the user's script and knows nothing of us. ``ordeal`` runs it twice, plainly and
through the kills; ``view`` shows that while it happens; ``verdict`` compares what both runs left.
"""
