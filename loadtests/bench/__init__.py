"""The bench: named measures of one worker on one core, held against what is demanded, and the pages made of them."""
