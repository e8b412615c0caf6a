"""A checkpoint's backbone, rebuilt from what the checkpoint says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from harness.config import Backbone
from harness.errors import UserError
from harness.registry import find


def backbone_weights(content: dict[str, Any]) -> dict[str, Tensor]:
    """The backbone's own weights among those of the network that it was trained in."""
    prefix = content["prefix"]
    return {key.removeprefix(prefix): v for key, v in content["network"].items() if key.startswith(prefix)}


def network_of(content: dict[str, Any], path: Path) -> nn.Module:
    """The backbone with its weights; ``path`` is what an error names."""
    try:
        settings: Any = TypeAdapter(Backbone).validate_python(content["backbone"])
        network = find("backbone", settings.kind)(**settings.model_dump(exclude={"kind"}))
        network.load_state_dict(backbone_weights(content))
    except (KeyError, TypeError, ValidationError) as error:
        fault = error.errors()[0] if isinstance(error, ValidationError) else {}
        line = f"{fault['loc'][-1]}: {fault['msg']}" if fault else " ".join(str(error).split())
        raise UserError(f"{path}: does not say which backbone it holds ({line}); make it again") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except RuntimeError as error:
        line = str(error).splitlines()[-1].strip()
        raise UserError(f"{path}: its weights do not fit its architecture ({line}); make it again") from None
    return network
