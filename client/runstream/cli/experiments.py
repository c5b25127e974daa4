"""`runstream experiments`."""

import argparse
from itertools import islice

from runstream.cli.arguments import Commands, add_server, add_view, client_for, view_of
from runstream.cli.exits import ExitCode
from runstream.cli.output import print_json, print_table, time_text

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("experiments", help="list experiments")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list experiments", description="Lists experiments.")
    listing.add_argument("--filter", default="", help="for example: name LIKE 'vision/%%'")
    listing.add_argument(
        "--order-by", action="append", default=[], help="for example: 'name ASC'; repeatable"
    )
    add_view(listing)
    add_server(listing)
    listing.set_defaults(run=list_experiments)


def list_experiments(arguments: argparse.Namespace) -> int:
    """Lists experiments."""
    with client_for(arguments) as client:
        found = client.search_experiments(
            arguments.filter, order_by=arguments.order_by, view_type=view_of(arguments)
        )
        experiments = list(islice(found, arguments.max_results))
    if arguments.json:
        print_json(experiments)
    else:
        print_table(
            ("ID", "NAME", "STAGE", "CREATED"),
            (
                (one.experiment_id, one.name, one.lifecycle_stage, time_text(one.create_time))
                for one in experiments
            ),
        )
    return ExitCode.OK
