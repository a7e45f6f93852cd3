"""The flight recorder: what every stream of a call was told, and what that ordered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward; there is no way back but the copy made before."""
    op.create_table(
        "tapes",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("kept_at", sa.Double(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("skeleton", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("call_sid", "leg"),
    )
    op.create_index("tapes_by_time", "tapes", ["kept_at"], unique=False)
