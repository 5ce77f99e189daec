"""The measures: one file each, with one function that takes the bench and returns findings."""
