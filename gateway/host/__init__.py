"""A lane host: the child process that runs bundles which are not yet trusted, so that what they do costs them alone."""
