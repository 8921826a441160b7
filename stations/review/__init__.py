"""Review: twenty and more items of an application are looked at, and a person decides."""
