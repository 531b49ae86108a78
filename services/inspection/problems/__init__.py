"""Problems (问题): logged once, dispatched with a deadline, followed until they are gone."""
