"""A sink of decision records in memory: keeps the promises of the writer, and can be told that there is no room."""

from monitoring.records.block import Block, Shape, decode
from monitoring.records.record import BlockRows, Record
from monitoring.records.writer import Entry


class KeptRecords:
    """Takes what a recorder gives it; `records` are those of all rows, in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.full = False
        """While true, everything is dropped."""

    def put(self, entry: Entry) -> None:
        """Keep an entry's rows."""
        if self.full:
            entry.counts.dropped.add(entry.rows)
            return
        block, shape = decode(entry.block), decode(entry.encoded_shape)
        if isinstance(block, Block) and isinstance(shape, Shape):
            rows = BlockRows(block, shape, 0)
            self.records += [rows.record(row) for row in range(len(block.ids))]
            entry.counts.written.add(entry.rows)
