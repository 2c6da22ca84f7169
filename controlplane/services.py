"""The services of a control plane: one servicer for each, with what it works on."""

from datetime import timedelta

from controlplane.foundation import Foundation
from controlplane.identity.accounts import Accounts
from controlplane.identity.federation import Federation
from controlplane.identity.grants import Grants
from controlplane.identity.invitees import Invitees
from controlplane.identity.passwords import Passwords
from controlplane.identity.tokens import TokenIssuer
from controlplane.linking.conversation import LinkTimes
from controlplane.servicers.access import AccessServicer
from controlplane.servicers.audit import AuditServicer
from controlplane.servicers.auth import AuthServicer
from controlplane.servicers.beginning import Beginning
from controlplane.servicers.certificate_authority import CertificateAuthorityServicer
from controlplane.servicers.enrollment import EnrollmentServicer
from controlplane.servicers.federated_credentials import FederatedCredentialServicer
from controlplane.servicers.identity_providers import IdentityProviderServicer
from controlplane.servicers.invitations import InvitationServicer
from controlplane.servicers.members import MemberServicer
from controlplane.servicers.operations import OperationsServicer
from controlplane.servicers.organizations import OrganizationServicer
from controlplane.servicers.service_accounts import ServiceAccountServicer
from controlplane.servicers.sessions import SessionServicer
from controlplane.servicers.system import SystemServicer
from controlplane.servicers.teams import TeamServicer
from controlplane.servicers.users import UserServicer
from controlplane.servicers.workspace_watches import WorkspaceWatches
from controlplane.servicers.workspaces import WorkspaceServicer
from controlplane.setup_token import SetupToken
from meshkit.server import Service
from weftapi.controlplane.v1 import (
    access_pb2,
    access_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    certificate_authority_pb2,
    certificate_authority_pb2_grpc,
    enrollment_pb2,
    enrollment_pb2_grpc,
    federated_credentials_pb2,
    federated_credentials_pb2_grpc,
    identity_providers_pb2,
    identity_providers_pb2_grpc,
    invitations_pb2,
    invitations_pb2_grpc,
    members_pb2,
    members_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
    organizations_pb2,
    organizations_pb2_grpc,
    service_accounts_pb2,
    service_accounts_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
    teams_pb2,
    teams_pb2_grpc,
    users_pb2,
    users_pb2_grpc,
    workspaces_pb2,
    workspaces_pb2_grpc,
)


def services(base: Foundation, passwords: Passwords, setup_token: SetupToken) -> list[Service]:
    """Every service of the contract."""
    database, pages, settings = base.database, base.pages, base.settings
    federation = Federation(database, base.single_sign_on.assertions, base.lifetimes)
    accounts = Accounts(
        database,
        passwords,
        base.throttle,
        lifetimes=base.lifetimes,
        organization=settings.organization,
        on_set_up=setup_token.retire,
    )
    return [
        Service(
            auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
            auth_pb2_grpc.add_AuthServiceServicer_to_server,
            AuthServicer(
                database,
                accounts=accounts,
                grants=Grants(database, base.lifetimes, base.clock, federation),
                logins=base.single_sign_on.logins,
                issuer=TokenIssuer(base.signing.ring, base.lifetimes, base.clock),
                signing=base.signing,
                throttle=base.throttle,
                organization=settings.organization,
                public_url=settings.public_url,
            ),
        ),
        Service(
            users_pb2.DESCRIPTOR.services_by_name["UserService"],
            users_pb2_grpc.add_UserServiceServicer_to_server,
            UserServicer(database, accounts=accounts, pages=pages, lifetimes=base.lifetimes),
        ),
        *_people(base, Invitees(database, passwords, base.throttle)),
        *_administration(base),
        *_programs(base),
        _identity_providers(base),
        *_mesh_services(base),
    ]


def _people(base: Foundation, invitees: Invitees) -> list[Service]:
    """Who belongs where, and where they are signed in."""
    return [
        Service(
            members_pb2.DESCRIPTOR.services_by_name["MemberService"],
            members_pb2_grpc.add_MemberServiceServicer_to_server,
            MemberServicer(
                base.database, pages=base.pages, lifetimes=base.lifetimes, clock=base.clock
            ),
        ),
        Service(
            invitations_pb2.DESCRIPTOR.services_by_name["InvitationService"],
            invitations_pb2_grpc.add_InvitationServiceServicer_to_server,
            InvitationServicer(
                base.database, invitees=invitees, pages=base.pages, clock=base.clock
            ),
        ),
        Service(
            sessions_pb2.DESCRIPTOR.services_by_name["SessionService"],
            sessions_pb2_grpc.add_SessionServiceServicer_to_server,
            SessionServicer(base.database, pages=base.pages, lifetimes=base.lifetimes),
        ),
    ]


def _identity_providers(base: Foundation) -> Service:
    sso = base.single_sign_on
    return Service(
        identity_providers_pb2.DESCRIPTOR.services_by_name["IdentityProviderService"],
        identity_providers_pb2_grpc.add_IdentityProviderServiceServicer_to_server,
        IdentityProviderServicer(
            base.database,
            logins=sso.logins,
            vault=sso.vault,
            policy=sso.policy,
            proofs=sso.proofs,
            pages=base.pages,
        ),
    )


def _administration(base: Foundation) -> list[Service]:
    """Organizations, teams, grants, the audit log, and what the server is."""
    return [
        Service(
            organizations_pb2.DESCRIPTOR.services_by_name["OrganizationService"],
            organizations_pb2_grpc.add_OrganizationServiceServicer_to_server,
            OrganizationServicer(base.database, pages=base.pages, root=base.settings.organization),
        ),
        Service(
            access_pb2.DESCRIPTOR.services_by_name["AccessService"],
            access_pb2_grpc.add_AccessServiceServicer_to_server,
            AccessServicer(base.database, pages=base.pages, clock=base.clock),
        ),
        Service(
            teams_pb2.DESCRIPTOR.services_by_name["TeamService"],
            teams_pb2_grpc.add_TeamServiceServicer_to_server,
            TeamServicer(base.database, pages=base.pages),
        ),
        Service(
            audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
            audit_pb2_grpc.add_AuditServiceServicer_to_server,
            AuditServicer(
                base.database,
                notary=base.notary,
                pages=base.pages,
                clock=base.clock,
                home=base.settings.organization,
            ),
        ),
        Service(
            certificate_authority_pb2.DESCRIPTOR.services_by_name["CertificateAuthorityService"],
            certificate_authority_pb2_grpc.add_CertificateAuthorityServiceServicer_to_server,
            CertificateAuthorityServicer(base.rollover),
        ),
        Service(
            system_pb2.DESCRIPTOR.services_by_name["SystemService"],
            system_pb2_grpc.add_SystemServiceServicer_to_server,
            SystemServicer(base.authority, gateway_url=base.settings.public_url),
        ),
    ]


def _programs(base: Foundation) -> list[Service]:
    """Who acts without being a person."""
    return [
        Service(
            service_accounts_pb2.DESCRIPTOR.services_by_name["ServiceAccountService"],
            service_accounts_pb2_grpc.add_ServiceAccountServiceServicer_to_server,
            ServiceAccountServicer(base.database, pages=base.pages, lifetimes=base.lifetimes),
        ),
        Service(
            federated_credentials_pb2.DESCRIPTOR.services_by_name["FederatedCredentialService"],
            federated_credentials_pb2_grpc.add_FederatedCredentialServiceServicer_to_server,
            FederatedCredentialServicer(
                base.database,
                policy=base.single_sign_on.policy,
                pages=base.pages,
                lifetimes=base.lifetimes,
            ),
        ),
    ]


def _mesh_services(base: Foundation) -> list[Service]:
    """The registry, and what members of the mesh call."""
    settings, database = base.settings, base.database
    times = LinkTimes(
        settings.link_heartbeat_s,
        settings.link_silence_s,
        timedelta(seconds=settings.policy_max_age_s),
    )
    return [
        Service(
            workspaces_pb2.DESCRIPTOR.services_by_name["WorkspaceService"],
            workspaces_pb2_grpc.add_WorkspaceServiceServicer_to_server,
            WorkspaceServicer(
                database,
                authority=base.authority,
                members=base.members,
                messages=base.messages,
                beginning=Beginning(database, base.provisioner, patience=base.patience),
                watches=WorkspaceWatches(
                    database,
                    base.messages,
                    bookmark_s=settings.bookmark_s,
                    is_draining=base.endpoints.is_draining,
                ),
                pages=base.pages,
                clock=base.clock,
            ),
        ),
        Service(
            operations_pb2.DESCRIPTOR.services_by_name["OperationsService"],
            operations_pb2_grpc.add_OperationsServiceServicer_to_server,
            OperationsServicer(database, pages=base.pages, messages=base.messages),
        ),
        Service(
            enrollment_pb2.DESCRIPTOR.services_by_name["EnrollmentService"],
            enrollment_pb2_grpc.add_EnrollmentServiceServicer_to_server,
            EnrollmentServicer(
                database,
                rollover=base.rollover,
                registry=base.registry,
                clock=base.clock,
                times=times,
                identity=base.credentials.identity,
                mesh_endpoint=lambda: base.endpoints.mesh,
            ),
        ),
    ]
