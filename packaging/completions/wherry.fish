# fish completion of wherry; made by scripts/make-completions.
complete -c wherry -f
complete -c wherry -n __fish_use_subcommand -a attach
complete -c wherry -n __fish_use_subcommand -a build
complete -c wherry -n __fish_use_subcommand -a builder
complete -c wherry -n __fish_use_subcommand -a checkpoint
complete -c wherry -n __fish_use_subcommand -a commit
complete -c wherry -n __fish_use_subcommand -a completion
complete -c wherry -n __fish_use_subcommand -a config
complete -c wherry -n __fish_use_subcommand -a container
complete -c wherry -n __fish_use_subcommand -a context
complete -c wherry -n __fish_use_subcommand -a cp
complete -c wherry -n __fish_use_subcommand -a create
complete -c wherry -n __fish_use_subcommand -a diff
complete -c wherry -n __fish_use_subcommand -a events
complete -c wherry -n __fish_use_subcommand -a exec
complete -c wherry -n __fish_use_subcommand -a export
complete -c wherry -n __fish_use_subcommand -a help
complete -c wherry -n __fish_use_subcommand -a history
complete -c wherry -n __fish_use_subcommand -a image
complete -c wherry -n __fish_use_subcommand -a images
complete -c wherry -n __fish_use_subcommand -a import
complete -c wherry -n __fish_use_subcommand -a info
complete -c wherry -n __fish_use_subcommand -a inspect
complete -c wherry -n __fish_use_subcommand -a kill
complete -c wherry -n __fish_use_subcommand -a load
complete -c wherry -n __fish_use_subcommand -a login
complete -c wherry -n __fish_use_subcommand -a logout
complete -c wherry -n __fish_use_subcommand -a logs
complete -c wherry -n __fish_use_subcommand -a manifest
complete -c wherry -n __fish_use_subcommand -a network
complete -c wherry -n __fish_use_subcommand -a node
complete -c wherry -n __fish_use_subcommand -a pause
complete -c wherry -n __fish_use_subcommand -a plugin
complete -c wherry -n __fish_use_subcommand -a port
complete -c wherry -n __fish_use_subcommand -a ps
complete -c wherry -n __fish_use_subcommand -a pull
complete -c wherry -n __fish_use_subcommand -a push
complete -c wherry -n __fish_use_subcommand -a rename
complete -c wherry -n __fish_use_subcommand -a restart
complete -c wherry -n __fish_use_subcommand -a rm
complete -c wherry -n __fish_use_subcommand -a rmi
complete -c wherry -n __fish_use_subcommand -a run
complete -c wherry -n __fish_use_subcommand -a save
complete -c wherry -n __fish_use_subcommand -a search
complete -c wherry -n __fish_use_subcommand -a secret
complete -c wherry -n __fish_use_subcommand -a service
complete -c wherry -n __fish_use_subcommand -a stack
complete -c wherry -n __fish_use_subcommand -a start
complete -c wherry -n __fish_use_subcommand -a stats
complete -c wherry -n __fish_use_subcommand -a stop
complete -c wherry -n __fish_use_subcommand -a swarm
complete -c wherry -n __fish_use_subcommand -a system
complete -c wherry -n __fish_use_subcommand -a tag
complete -c wherry -n __fish_use_subcommand -a top
complete -c wherry -n __fish_use_subcommand -a trust
complete -c wherry -n __fish_use_subcommand -a unpause
complete -c wherry -n __fish_use_subcommand -a update
complete -c wherry -n __fish_use_subcommand -a version
complete -c wherry -n __fish_use_subcommand -a volume
complete -c wherry -n __fish_use_subcommand -a wait
complete -c wherry -n '__fish_seen_subcommand_from builder' -a 'build prune'
complete -c wherry -n '__fish_seen_subcommand_from checkpoint' -a 'create ls rm'
complete -c wherry -n '__fish_seen_subcommand_from completion' -a 'bash fish powershell zsh'
complete -c wherry -n '__fish_seen_subcommand_from config' -a 'create inspect ls rm'
complete -c wherry -n '__fish_seen_subcommand_from container' -a 'attach commit cp create diff exec export inspect kill logs ls pause port prune rename restart rm run start stats stop top unpause update wait'
complete -c wherry -n '__fish_seen_subcommand_from context' -a 'create export import inspect ls rm show update use'
complete -c wherry -n '__fish_seen_subcommand_from image' -a 'build history import inspect load ls prune pull push rm save tag'
complete -c wherry -n '__fish_seen_subcommand_from manifest' -a 'annotate create inspect push rm'
complete -c wherry -n '__fish_seen_subcommand_from network' -a 'connect create disconnect inspect ls prune rm'
complete -c wherry -n '__fish_seen_subcommand_from node' -a 'demote inspect ls promote ps rm update'
complete -c wherry -n '__fish_seen_subcommand_from plugin' -a 'create disable enable inspect install ls push rm set upgrade'
complete -c wherry -n '__fish_seen_subcommand_from secret' -a 'create inspect ls rm'
complete -c wherry -n '__fish_seen_subcommand_from service' -a 'create inspect logs ls ps rm rollback scale update'
complete -c wherry -n '__fish_seen_subcommand_from stack' -a 'config deploy ls ps rm services'
complete -c wherry -n '__fish_seen_subcommand_from swarm' -a 'ca init join join-token leave unlock unlock-key update'
complete -c wherry -n '__fish_seen_subcommand_from system' -a 'check df dial-stdio events info prune'
complete -c wherry -n '__fish_seen_subcommand_from trust' -a 'inspect key revoke sign signer'
complete -c wherry -n '__fish_seen_subcommand_from volume' -a 'create inspect ls prune rm'
complete -c wherry -n '__fish_seen_subcommand_from attach' -l detach-keys
complete -c wherry -n '__fish_seen_subcommand_from attach' -l no-stdin
complete -c wherry -n '__fish_seen_subcommand_from attach' -l sig-proxy
complete -c wherry -n '__fish_seen_subcommand_from build' -l add-host
complete -c wherry -n '__fish_seen_subcommand_from build' -l build-arg
complete -c wherry -n '__fish_seen_subcommand_from build' -l cache-from
complete -c wherry -n '__fish_seen_subcommand_from build' -l cgroup-parent
complete -c wherry -n '__fish_seen_subcommand_from build' -l compress
complete -c wherry -n '__fish_seen_subcommand_from build' -l cpu-period
complete -c wherry -n '__fish_seen_subcommand_from build' -l cpu-quota
complete -c wherry -n '__fish_seen_subcommand_from build' -l cpu-shares
complete -c wherry -n '__fish_seen_subcommand_from build' -l cpuset-cpus
complete -c wherry -n '__fish_seen_subcommand_from build' -l cpuset-mems
complete -c wherry -n '__fish_seen_subcommand_from build' -l disable-content-trust
complete -c wherry -n '__fish_seen_subcommand_from build' -l file
complete -c wherry -n '__fish_seen_subcommand_from build' -l force-rm
complete -c wherry -n '__fish_seen_subcommand_from build' -l iidfile
complete -c wherry -n '__fish_seen_subcommand_from build' -l isolation
complete -c wherry -n '__fish_seen_subcommand_from build' -l label
complete -c wherry -n '__fish_seen_subcommand_from build' -l memory
complete -c wherry -n '__fish_seen_subcommand_from build' -l memory-swap
complete -c wherry -n '__fish_seen_subcommand_from build' -l network
complete -c wherry -n '__fish_seen_subcommand_from build' -l no-cache
complete -c wherry -n '__fish_seen_subcommand_from build' -l platform
complete -c wherry -n '__fish_seen_subcommand_from build' -l pull
complete -c wherry -n '__fish_seen_subcommand_from build' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from build' -l rm
complete -c wherry -n '__fish_seen_subcommand_from build' -l security-opt
complete -c wherry -n '__fish_seen_subcommand_from build' -l shm-size
complete -c wherry -n '__fish_seen_subcommand_from build' -l squash
complete -c wherry -n '__fish_seen_subcommand_from build' -l tag
complete -c wherry -n '__fish_seen_subcommand_from build' -l target
complete -c wherry -n '__fish_seen_subcommand_from build' -l ulimit
complete -c wherry -n '__fish_seen_subcommand_from commit' -l author
complete -c wherry -n '__fish_seen_subcommand_from commit' -l change
complete -c wherry -n '__fish_seen_subcommand_from commit' -l message
complete -c wherry -n '__fish_seen_subcommand_from commit' -l no-pause
complete -c wherry -n '__fish_seen_subcommand_from commit' -l pause
complete -c wherry -n '__fish_seen_subcommand_from cp' -l archive
complete -c wherry -n '__fish_seen_subcommand_from cp' -l follow-link
complete -c wherry -n '__fish_seen_subcommand_from cp' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from create' -l add-host
complete -c wherry -n '__fish_seen_subcommand_from create' -l annotation
complete -c wherry -n '__fish_seen_subcommand_from create' -l attach
complete -c wherry -n '__fish_seen_subcommand_from create' -l blkio-weight
complete -c wherry -n '__fish_seen_subcommand_from create' -l blkio-weight-device
complete -c wherry -n '__fish_seen_subcommand_from create' -l cap-add
complete -c wherry -n '__fish_seen_subcommand_from create' -l cap-drop
complete -c wherry -n '__fish_seen_subcommand_from create' -l cgroup-parent
complete -c wherry -n '__fish_seen_subcommand_from create' -l cgroupns
complete -c wherry -n '__fish_seen_subcommand_from create' -l cidfile
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpu-period
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpu-quota
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpu-rt-period
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpu-rt-runtime
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpu-shares
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpus
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpuset-cpus
complete -c wherry -n '__fish_seen_subcommand_from create' -l cpuset-mems
complete -c wherry -n '__fish_seen_subcommand_from create' -l device
complete -c wherry -n '__fish_seen_subcommand_from create' -l device-cgroup-rule
complete -c wherry -n '__fish_seen_subcommand_from create' -l device-read-bps
complete -c wherry -n '__fish_seen_subcommand_from create' -l device-read-iops
complete -c wherry -n '__fish_seen_subcommand_from create' -l device-write-bps
complete -c wherry -n '__fish_seen_subcommand_from create' -l device-write-iops
complete -c wherry -n '__fish_seen_subcommand_from create' -l disable-content-trust
complete -c wherry -n '__fish_seen_subcommand_from create' -l dns
complete -c wherry -n '__fish_seen_subcommand_from create' -l dns-opt
complete -c wherry -n '__fish_seen_subcommand_from create' -l dns-option
complete -c wherry -n '__fish_seen_subcommand_from create' -l dns-search
complete -c wherry -n '__fish_seen_subcommand_from create' -l domainname
complete -c wherry -n '__fish_seen_subcommand_from create' -l entrypoint
complete -c wherry -n '__fish_seen_subcommand_from create' -l env
complete -c wherry -n '__fish_seen_subcommand_from create' -l env-file
complete -c wherry -n '__fish_seen_subcommand_from create' -l expose
complete -c wherry -n '__fish_seen_subcommand_from create' -l gpus
complete -c wherry -n '__fish_seen_subcommand_from create' -l group-add
complete -c wherry -n '__fish_seen_subcommand_from create' -l health-cmd
complete -c wherry -n '__fish_seen_subcommand_from create' -l health-interval
complete -c wherry -n '__fish_seen_subcommand_from create' -l health-retries
complete -c wherry -n '__fish_seen_subcommand_from create' -l health-start-interval
complete -c wherry -n '__fish_seen_subcommand_from create' -l health-start-period
complete -c wherry -n '__fish_seen_subcommand_from create' -l health-timeout
complete -c wherry -n '__fish_seen_subcommand_from create' -l help
complete -c wherry -n '__fish_seen_subcommand_from create' -l hostname
complete -c wherry -n '__fish_seen_subcommand_from create' -l init
complete -c wherry -n '__fish_seen_subcommand_from create' -l interactive
complete -c wherry -n '__fish_seen_subcommand_from create' -l ip
complete -c wherry -n '__fish_seen_subcommand_from create' -l ip6
complete -c wherry -n '__fish_seen_subcommand_from create' -l ipc
complete -c wherry -n '__fish_seen_subcommand_from create' -l isolation
complete -c wherry -n '__fish_seen_subcommand_from create' -l kernel-memory
complete -c wherry -n '__fish_seen_subcommand_from create' -l label
complete -c wherry -n '__fish_seen_subcommand_from create' -l label-file
complete -c wherry -n '__fish_seen_subcommand_from create' -l link
complete -c wherry -n '__fish_seen_subcommand_from create' -l link-local-ip
complete -c wherry -n '__fish_seen_subcommand_from create' -l log-driver
complete -c wherry -n '__fish_seen_subcommand_from create' -l log-opt
complete -c wherry -n '__fish_seen_subcommand_from create' -l mac-address
complete -c wherry -n '__fish_seen_subcommand_from create' -l memory
complete -c wherry -n '__fish_seen_subcommand_from create' -l memory-reservation
complete -c wherry -n '__fish_seen_subcommand_from create' -l memory-swap
complete -c wherry -n '__fish_seen_subcommand_from create' -l memory-swappiness
complete -c wherry -n '__fish_seen_subcommand_from create' -l mount
complete -c wherry -n '__fish_seen_subcommand_from create' -l name
complete -c wherry -n '__fish_seen_subcommand_from create' -l net
complete -c wherry -n '__fish_seen_subcommand_from create' -l net-alias
complete -c wherry -n '__fish_seen_subcommand_from create' -l network
complete -c wherry -n '__fish_seen_subcommand_from create' -l network-alias
complete -c wherry -n '__fish_seen_subcommand_from create' -l no-healthcheck
complete -c wherry -n '__fish_seen_subcommand_from create' -l oom-kill-disable
complete -c wherry -n '__fish_seen_subcommand_from create' -l oom-score-adj
complete -c wherry -n '__fish_seen_subcommand_from create' -l pid
complete -c wherry -n '__fish_seen_subcommand_from create' -l pids-limit
complete -c wherry -n '__fish_seen_subcommand_from create' -l platform
complete -c wherry -n '__fish_seen_subcommand_from create' -l privileged
complete -c wherry -n '__fish_seen_subcommand_from create' -l publish
complete -c wherry -n '__fish_seen_subcommand_from create' -l publish-all
complete -c wherry -n '__fish_seen_subcommand_from create' -l pull
complete -c wherry -n '__fish_seen_subcommand_from create' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from create' -l read-only
complete -c wherry -n '__fish_seen_subcommand_from create' -l restart
complete -c wherry -n '__fish_seen_subcommand_from create' -l rm
complete -c wherry -n '__fish_seen_subcommand_from create' -l runtime
complete -c wherry -n '__fish_seen_subcommand_from create' -l security-opt
complete -c wherry -n '__fish_seen_subcommand_from create' -l shm-size
complete -c wherry -n '__fish_seen_subcommand_from create' -l stop-signal
complete -c wherry -n '__fish_seen_subcommand_from create' -l stop-timeout
complete -c wherry -n '__fish_seen_subcommand_from create' -l storage-opt
complete -c wherry -n '__fish_seen_subcommand_from create' -l sysctl
complete -c wherry -n '__fish_seen_subcommand_from create' -l tmpfs
complete -c wherry -n '__fish_seen_subcommand_from create' -l tty
complete -c wherry -n '__fish_seen_subcommand_from create' -l ulimit
complete -c wherry -n '__fish_seen_subcommand_from create' -l use-api-socket
complete -c wherry -n '__fish_seen_subcommand_from create' -l user
complete -c wherry -n '__fish_seen_subcommand_from create' -l userns
complete -c wherry -n '__fish_seen_subcommand_from create' -l uts
complete -c wherry -n '__fish_seen_subcommand_from create' -l volume
complete -c wherry -n '__fish_seen_subcommand_from create' -l volume-driver
complete -c wherry -n '__fish_seen_subcommand_from create' -l volumes-from
complete -c wherry -n '__fish_seen_subcommand_from create' -l workdir
complete -c wherry -n '__fish_seen_subcommand_from events' -l filter
complete -c wherry -n '__fish_seen_subcommand_from events' -l format
complete -c wherry -n '__fish_seen_subcommand_from events' -l since
complete -c wherry -n '__fish_seen_subcommand_from events' -l until
complete -c wherry -n '__fish_seen_subcommand_from exec' -l detach
complete -c wherry -n '__fish_seen_subcommand_from exec' -l detach-keys
complete -c wherry -n '__fish_seen_subcommand_from exec' -l env
complete -c wherry -n '__fish_seen_subcommand_from exec' -l env-file
complete -c wherry -n '__fish_seen_subcommand_from exec' -l interactive
complete -c wherry -n '__fish_seen_subcommand_from exec' -l privileged
complete -c wherry -n '__fish_seen_subcommand_from exec' -l tty
complete -c wherry -n '__fish_seen_subcommand_from exec' -l user
complete -c wherry -n '__fish_seen_subcommand_from exec' -l workdir
complete -c wherry -n '__fish_seen_subcommand_from export' -l output
complete -c wherry -n '__fish_seen_subcommand_from history' -l format
complete -c wherry -n '__fish_seen_subcommand_from history' -l human
complete -c wherry -n '__fish_seen_subcommand_from history' -l no-trunc
complete -c wherry -n '__fish_seen_subcommand_from history' -l platform
complete -c wherry -n '__fish_seen_subcommand_from history' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from images' -l all
complete -c wherry -n '__fish_seen_subcommand_from images' -l digests
complete -c wherry -n '__fish_seen_subcommand_from images' -l filter
complete -c wherry -n '__fish_seen_subcommand_from images' -l format
complete -c wherry -n '__fish_seen_subcommand_from images' -l no-trunc
complete -c wherry -n '__fish_seen_subcommand_from images' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from images' -l tree
complete -c wherry -n '__fish_seen_subcommand_from import' -l change
complete -c wherry -n '__fish_seen_subcommand_from import' -l message
complete -c wherry -n '__fish_seen_subcommand_from import' -l platform
complete -c wherry -n '__fish_seen_subcommand_from info' -l format
complete -c wherry -n '__fish_seen_subcommand_from inspect' -l format
complete -c wherry -n '__fish_seen_subcommand_from inspect' -l size
complete -c wherry -n '__fish_seen_subcommand_from inspect' -l type
complete -c wherry -n '__fish_seen_subcommand_from kill' -l signal
complete -c wherry -n '__fish_seen_subcommand_from load' -l input
complete -c wherry -n '__fish_seen_subcommand_from load' -l platform
complete -c wherry -n '__fish_seen_subcommand_from load' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from login' -l password
complete -c wherry -n '__fish_seen_subcommand_from login' -l password-stdin
complete -c wherry -n '__fish_seen_subcommand_from login' -l username
complete -c wherry -n '__fish_seen_subcommand_from logs' -l details
complete -c wherry -n '__fish_seen_subcommand_from logs' -l follow
complete -c wherry -n '__fish_seen_subcommand_from logs' -l since
complete -c wherry -n '__fish_seen_subcommand_from logs' -l tail
complete -c wherry -n '__fish_seen_subcommand_from logs' -l timestamps
complete -c wherry -n '__fish_seen_subcommand_from logs' -l until
complete -c wherry -n '__fish_seen_subcommand_from ps' -l all
complete -c wherry -n '__fish_seen_subcommand_from ps' -l filter
complete -c wherry -n '__fish_seen_subcommand_from ps' -l format
complete -c wherry -n '__fish_seen_subcommand_from ps' -l last
complete -c wherry -n '__fish_seen_subcommand_from ps' -l latest
complete -c wherry -n '__fish_seen_subcommand_from ps' -l no-trunc
complete -c wherry -n '__fish_seen_subcommand_from ps' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from ps' -l size
complete -c wherry -n '__fish_seen_subcommand_from pull' -l all-tags
complete -c wherry -n '__fish_seen_subcommand_from pull' -l disable-content-trust
complete -c wherry -n '__fish_seen_subcommand_from pull' -l platform
complete -c wherry -n '__fish_seen_subcommand_from pull' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from push' -l all-tags
complete -c wherry -n '__fish_seen_subcommand_from push' -l disable-content-trust
complete -c wherry -n '__fish_seen_subcommand_from push' -l platform
complete -c wherry -n '__fish_seen_subcommand_from push' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from restart' -l signal
complete -c wherry -n '__fish_seen_subcommand_from restart' -l time
complete -c wherry -n '__fish_seen_subcommand_from restart' -l timeout
complete -c wherry -n '__fish_seen_subcommand_from rm' -l force
complete -c wherry -n '__fish_seen_subcommand_from rm' -l link
complete -c wherry -n '__fish_seen_subcommand_from rm' -l volumes
complete -c wherry -n '__fish_seen_subcommand_from rmi' -l force
complete -c wherry -n '__fish_seen_subcommand_from rmi' -l no-prune
complete -c wherry -n '__fish_seen_subcommand_from rmi' -l platform
complete -c wherry -n '__fish_seen_subcommand_from run' -l add-host
complete -c wherry -n '__fish_seen_subcommand_from run' -l annotation
complete -c wherry -n '__fish_seen_subcommand_from run' -l attach
complete -c wherry -n '__fish_seen_subcommand_from run' -l blkio-weight
complete -c wherry -n '__fish_seen_subcommand_from run' -l blkio-weight-device
complete -c wherry -n '__fish_seen_subcommand_from run' -l cap-add
complete -c wherry -n '__fish_seen_subcommand_from run' -l cap-drop
complete -c wherry -n '__fish_seen_subcommand_from run' -l cgroup-parent
complete -c wherry -n '__fish_seen_subcommand_from run' -l cgroupns
complete -c wherry -n '__fish_seen_subcommand_from run' -l cidfile
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpu-period
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpu-quota
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpu-rt-period
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpu-rt-runtime
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpu-shares
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpus
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpuset-cpus
complete -c wherry -n '__fish_seen_subcommand_from run' -l cpuset-mems
complete -c wherry -n '__fish_seen_subcommand_from run' -l detach
complete -c wherry -n '__fish_seen_subcommand_from run' -l detach-keys
complete -c wherry -n '__fish_seen_subcommand_from run' -l device
complete -c wherry -n '__fish_seen_subcommand_from run' -l device-cgroup-rule
complete -c wherry -n '__fish_seen_subcommand_from run' -l device-read-bps
complete -c wherry -n '__fish_seen_subcommand_from run' -l device-read-iops
complete -c wherry -n '__fish_seen_subcommand_from run' -l device-write-bps
complete -c wherry -n '__fish_seen_subcommand_from run' -l device-write-iops
complete -c wherry -n '__fish_seen_subcommand_from run' -l disable-content-trust
complete -c wherry -n '__fish_seen_subcommand_from run' -l dns
complete -c wherry -n '__fish_seen_subcommand_from run' -l dns-opt
complete -c wherry -n '__fish_seen_subcommand_from run' -l dns-option
complete -c wherry -n '__fish_seen_subcommand_from run' -l dns-search
complete -c wherry -n '__fish_seen_subcommand_from run' -l domainname
complete -c wherry -n '__fish_seen_subcommand_from run' -l entrypoint
complete -c wherry -n '__fish_seen_subcommand_from run' -l env
complete -c wherry -n '__fish_seen_subcommand_from run' -l env-file
complete -c wherry -n '__fish_seen_subcommand_from run' -l expose
complete -c wherry -n '__fish_seen_subcommand_from run' -l gpus
complete -c wherry -n '__fish_seen_subcommand_from run' -l group-add
complete -c wherry -n '__fish_seen_subcommand_from run' -l health-cmd
complete -c wherry -n '__fish_seen_subcommand_from run' -l health-interval
complete -c wherry -n '__fish_seen_subcommand_from run' -l health-retries
complete -c wherry -n '__fish_seen_subcommand_from run' -l health-start-interval
complete -c wherry -n '__fish_seen_subcommand_from run' -l health-start-period
complete -c wherry -n '__fish_seen_subcommand_from run' -l health-timeout
complete -c wherry -n '__fish_seen_subcommand_from run' -l help
complete -c wherry -n '__fish_seen_subcommand_from run' -l hostname
complete -c wherry -n '__fish_seen_subcommand_from run' -l init
complete -c wherry -n '__fish_seen_subcommand_from run' -l interactive
complete -c wherry -n '__fish_seen_subcommand_from run' -l ip
complete -c wherry -n '__fish_seen_subcommand_from run' -l ip6
complete -c wherry -n '__fish_seen_subcommand_from run' -l ipc
complete -c wherry -n '__fish_seen_subcommand_from run' -l isolation
complete -c wherry -n '__fish_seen_subcommand_from run' -l kernel-memory
complete -c wherry -n '__fish_seen_subcommand_from run' -l label
complete -c wherry -n '__fish_seen_subcommand_from run' -l label-file
complete -c wherry -n '__fish_seen_subcommand_from run' -l link
complete -c wherry -n '__fish_seen_subcommand_from run' -l link-local-ip
complete -c wherry -n '__fish_seen_subcommand_from run' -l log-driver
complete -c wherry -n '__fish_seen_subcommand_from run' -l log-opt
complete -c wherry -n '__fish_seen_subcommand_from run' -l mac-address
complete -c wherry -n '__fish_seen_subcommand_from run' -l memory
complete -c wherry -n '__fish_seen_subcommand_from run' -l memory-reservation
complete -c wherry -n '__fish_seen_subcommand_from run' -l memory-swap
complete -c wherry -n '__fish_seen_subcommand_from run' -l memory-swappiness
complete -c wherry -n '__fish_seen_subcommand_from run' -l mount
complete -c wherry -n '__fish_seen_subcommand_from run' -l name
complete -c wherry -n '__fish_seen_subcommand_from run' -l net
complete -c wherry -n '__fish_seen_subcommand_from run' -l net-alias
complete -c wherry -n '__fish_seen_subcommand_from run' -l network
complete -c wherry -n '__fish_seen_subcommand_from run' -l network-alias
complete -c wherry -n '__fish_seen_subcommand_from run' -l no-healthcheck
complete -c wherry -n '__fish_seen_subcommand_from run' -l oom-kill-disable
complete -c wherry -n '__fish_seen_subcommand_from run' -l oom-score-adj
complete -c wherry -n '__fish_seen_subcommand_from run' -l pid
complete -c wherry -n '__fish_seen_subcommand_from run' -l pids-limit
complete -c wherry -n '__fish_seen_subcommand_from run' -l platform
complete -c wherry -n '__fish_seen_subcommand_from run' -l privileged
complete -c wherry -n '__fish_seen_subcommand_from run' -l publish
complete -c wherry -n '__fish_seen_subcommand_from run' -l publish-all
complete -c wherry -n '__fish_seen_subcommand_from run' -l pull
complete -c wherry -n '__fish_seen_subcommand_from run' -l quiet
complete -c wherry -n '__fish_seen_subcommand_from run' -l read-only
complete -c wherry -n '__fish_seen_subcommand_from run' -l restart
complete -c wherry -n '__fish_seen_subcommand_from run' -l rm
complete -c wherry -n '__fish_seen_subcommand_from run' -l runtime
complete -c wherry -n '__fish_seen_subcommand_from run' -l security-opt
complete -c wherry -n '__fish_seen_subcommand_from run' -l shm-size
complete -c wherry -n '__fish_seen_subcommand_from run' -l sig-proxy
complete -c wherry -n '__fish_seen_subcommand_from run' -l stop-signal
complete -c wherry -n '__fish_seen_subcommand_from run' -l stop-timeout
complete -c wherry -n '__fish_seen_subcommand_from run' -l storage-opt
complete -c wherry -n '__fish_seen_subcommand_from run' -l sysctl
complete -c wherry -n '__fish_seen_subcommand_from run' -l tmpfs
complete -c wherry -n '__fish_seen_subcommand_from run' -l tty
complete -c wherry -n '__fish_seen_subcommand_from run' -l ulimit
complete -c wherry -n '__fish_seen_subcommand_from run' -l use-api-socket
complete -c wherry -n '__fish_seen_subcommand_from run' -l user
complete -c wherry -n '__fish_seen_subcommand_from run' -l userns
complete -c wherry -n '__fish_seen_subcommand_from run' -l uts
complete -c wherry -n '__fish_seen_subcommand_from run' -l volume
complete -c wherry -n '__fish_seen_subcommand_from run' -l volume-driver
complete -c wherry -n '__fish_seen_subcommand_from run' -l volumes-from
complete -c wherry -n '__fish_seen_subcommand_from run' -l workdir
complete -c wherry -n '__fish_seen_subcommand_from save' -l output
complete -c wherry -n '__fish_seen_subcommand_from save' -l platform
complete -c wherry -n '__fish_seen_subcommand_from search' -l filter
complete -c wherry -n '__fish_seen_subcommand_from search' -l format
complete -c wherry -n '__fish_seen_subcommand_from search' -l limit
complete -c wherry -n '__fish_seen_subcommand_from search' -l no-trunc
complete -c wherry -n '__fish_seen_subcommand_from start' -l attach
complete -c wherry -n '__fish_seen_subcommand_from start' -l checkpoint
complete -c wherry -n '__fish_seen_subcommand_from start' -l checkpoint-dir
complete -c wherry -n '__fish_seen_subcommand_from start' -l detach-keys
complete -c wherry -n '__fish_seen_subcommand_from start' -l interactive
complete -c wherry -n '__fish_seen_subcommand_from stats' -l all
complete -c wherry -n '__fish_seen_subcommand_from stats' -l format
complete -c wherry -n '__fish_seen_subcommand_from stats' -l no-stream
complete -c wherry -n '__fish_seen_subcommand_from stats' -l no-trunc
complete -c wherry -n '__fish_seen_subcommand_from stop' -l signal
complete -c wherry -n '__fish_seen_subcommand_from stop' -l time
complete -c wherry -n '__fish_seen_subcommand_from stop' -l timeout
complete -c wherry -n '__fish_seen_subcommand_from update' -l blkio-weight
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpu-period
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpu-quota
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpu-rt-period
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpu-rt-runtime
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpu-shares
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpus
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpuset-cpus
complete -c wherry -n '__fish_seen_subcommand_from update' -l cpuset-mems
complete -c wherry -n '__fish_seen_subcommand_from update' -l memory
complete -c wherry -n '__fish_seen_subcommand_from update' -l memory-reservation
complete -c wherry -n '__fish_seen_subcommand_from update' -l memory-swap
complete -c wherry -n '__fish_seen_subcommand_from update' -l pids-limit
complete -c wherry -n '__fish_seen_subcommand_from update' -l restart
complete -c wherry -n '__fish_seen_subcommand_from version' -l format
