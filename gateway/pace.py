"""How long something takes that comes in lists: a line through what was seen of late, seconds over rows. Pure."""

LONGEST = 10.0


class Pace:
    """Exponentially weighted least squares: a fixed part and a part for each row. `newest` is the last one's weight."""

    __slots__ = ("_keep", "_new", "_rows", "_rows_rows", "_rows_seconds", "_seconds", "_weight")

    def __init__(self, newest: float = 0.1) -> None:
        if not 0 < newest < 1:
            raise ValueError(f"the newest observation's weight lies between 0 and 1, not at {newest:g}")
        self._new, self._keep = newest, 1.0 - newest
        self._weight = self._rows = self._seconds = self._rows_rows = self._rows_seconds = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        """Take in that `rows` rows took `seconds`; longer than any budget is a machine that slept."""
        seconds = min(seconds, LONGEST)
        new, keep = self._new, self._keep
        self._weight = keep * self._weight + new
        self._rows = keep * self._rows + new * rows
        self._seconds = keep * self._seconds + new * seconds
        self._rows_rows = keep * self._rows_rows + new * rows * rows
        self._rows_seconds = keep * self._rows_seconds + new * rows * seconds

    def doubt(self) -> None:
        """Expect half as much. Call it when something was not begun because of what is expected.

        Without new observations an estimate that was once too high would stay so for good.
        """
        self._seconds *= 0.5
        self._rows_seconds *= 0.5

    def parts(self) -> tuple[float, float]:
        """Return the seconds that any list takes, and those that each row adds; 0 and 0 while nothing was seen.

        Neither is below 0. Where all lists were alike, rows are taken to add nothing: a guess at more would keep lists
        short, and so never be found wrong.
        """
        if not self._weight:
            return 0.0, 0.0
        rows, seconds = self._rows / self._weight, self._seconds / self._weight
        spread = self._rows_rows / self._weight - rows * rows
        if spread <= 0.01 * rows * rows:
            return seconds, 0.0
        slope = (self._rows_seconds / self._weight - rows * seconds) / spread
        slope = min(max(slope, 0.0), seconds / rows)
        return seconds - slope * rows, slope

    def expect(self, rows: int) -> float:
        """Return how many seconds so many rows will take."""
        fixed, slope = self.parts()
        return fixed + slope * rows
