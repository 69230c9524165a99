"""Beyond one machine, on Dask: the optional extra ``dreamrnn[cluster]``."""
