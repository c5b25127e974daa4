"""Client of runstream: records runs, metrics and artifacts without making training wait."""
