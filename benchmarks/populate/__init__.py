"""An organisation of any size, made up: what `./run populate` fills an empty database with, to measure and to try."""
