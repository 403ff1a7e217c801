"""Loss of power: what a disk may have kept of the writes that were not synced, under the real store."""
