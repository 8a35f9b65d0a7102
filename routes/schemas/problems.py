"""What every refusal looks like; `routes.hooks.problems` writes it."""

import marshmallow as ma

OF_RUN = "Where a whole answer was asked for and its run failed."
ID_OF_RUN = {"format": "uuid", "description": OF_RUN}


class ProblemSchema(ma.Schema):
    """An RFC 9457 problem document; some problems have further members."""

    type = ma.fields.String(required=True, metadata={"format": "uri-reference"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    code = ma.fields.String(required=True, metadata={"description": "Stable, for programs."})
    request_id = ma.fields.String(required=True, allow_none=True)
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "What is wrong, by field of the input."},
    )
    active_run_id = ma.fields.String(
        metadata={
            "format": "uuid",
            "description": "With `run_active`: the run to follow or to stop.",
        }
    )
    session_id = ma.fields.String(metadata=ID_OF_RUN)
    run_id = ma.fields.String(metadata=ID_OF_RUN)
    message_id = ma.fields.String(metadata=ID_OF_RUN)
    content = ma.fields.String(metadata={"description": f"{OF_RUN} The text that there is."})

    class Meta:
        """Allow the members of single problems."""

        unknown = ma.INCLUDE
