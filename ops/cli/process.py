"""The service's own processes, as `mailstream up` starts them; an operator with a supervisor of his own may start them too."""

from typing import Annotated

import typer

from ops.cli.apps import new_app

app = new_app("Run one process of the service; `mailstream up` runs them all.")


@app.command()
def api(
    port: Annotated[int, typer.Option(help="where to listen")] = 8000,
    host: Annotated[str, typer.Option(help="the address to listen on")] = "127.0.0.1",
) -> None:
    """Serve the HTTP API: one process an installation."""
    from api.serve import serve
    from pipeline.worker.logs import configure_logs
    from pipeline.worker.settings import read_settings

    configure_logs("api")
    serve(read_settings(), host=host, port=port)


@app.command()
def worker() -> None:
    """Run the stages of the line: as many processes as the machine bears."""
    from pipeline.worker.logs import configure_logs
    from pipeline.worker.processes import run_worker
    from pipeline.worker.settings import read_settings

    configure_logs("worker")
    run_worker(read_settings())


@app.command()
def scheduler() -> None:
    """Tick: one leads, however many run."""
    from pipeline.worker.logs import configure_logs
    from pipeline.worker.processes import run_scheduler
    from pipeline.worker.settings import read_settings

    configure_logs("scheduler")
    run_scheduler(read_settings())
