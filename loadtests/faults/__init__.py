"""Faults and overload under continuous traffic: what callers see while something of the gateway's breaks."""
