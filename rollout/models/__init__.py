from rollout.models.flag import Flag, new_salt

__all__ = ["Flag", "new_salt"]
