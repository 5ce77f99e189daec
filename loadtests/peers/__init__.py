"""The servers that people could choose instead: installed, started, asked and verified beside ours."""
