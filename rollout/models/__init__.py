from rollout.models.flag import Flag, FlagGroup, FlagGroupMember, FlagVersion, UserOverride, new_salt

__all__ = ["Flag", "FlagGroup", "FlagGroupMember", "FlagVersion", "UserOverride", "new_salt"]
