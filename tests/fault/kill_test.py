#!/usr/bin/python3
"""Kills the daemon with SIGKILL, again and again over the same data directory, at random moments and
at named crash points, under load; then lets all finish and judges it by the ledger of what was sent:
nothing that was acknowledged is lost, nothing is applied twice, nothing is sent that must not be
repeated; what people said, changed, handed in, stopped and deleted stays so.
Usage: kill_test.py STEPWELL_BINARY [KILL_AT_LIBRARY]

STEPWELL_KILLS=1000   how many kills
STEPWELL_KEEP=DIR     where faults are found: the ledger, what the clients know, and the site
STEPWELL_SEED=7       picks moments, crash points and the load; with the same seed the same kills"""

import asyncio
import json
import os
import sys

import kills


def main():
    stepwell = os.path.abspath(sys.argv[1])
    kill_at = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
    count = int(os.environ.get("STEPWELL_KILLS", 12))
    seed = int(os.environ.get("STEPWELL_SEED", 1))
    campaign = kills.Campaign(stepwell, seed, count, kill_at, say=lambda text: print(text, flush=True))
    verdict = asyncio.run(campaign.run(os.environ.get("STEPWELL_KEEP")))
    print(json.dumps(campaign.figures, indent=1))
    for fault in verdict.faults[:40]:
        print(fault)
    print(f"seed {seed}, {campaign.figures.get('kills', 0)} kills: "
          f"{dict(verdict.counts) if verdict.counts else 'no faults'}")
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
