// Made by `make docs` from the AsyncAPI document. Do not edit.

import type { CallOptions } from "./options.js";

/** The keys that access tokens are signed with have changed. */
export interface AuthKeysRotatedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "auth.keys_rotated";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: KeysRotated;
}

/** Sessions ended before their time. */
export interface AuthSessionRevokedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "auth.session_revoked";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: SessionRevoked;
}

/** Change the password of the user who asks; all sessions end, and a new one begins. */
export interface ChangePassword {
  readonly current_password: string;
  /** 8 characters to 72 bytes of UTF-8 after NFKC, without NUL; to 1024 with argon2id. */
  readonly new_password: string;
}

/** A fire-and-forget command was refused, or dead-lettered. */
export interface CommandFailed {
  /** The queue of the command. */
  readonly queue: string;
  /** As it was sent; else as the service named it. */
  readonly message_id: string | null;
  /** As it was sent. */
  readonly correlation_id: string | null;
  readonly code: ErrorCode;
  /** As a reply would have said. */
  readonly reason: string;
}

/** A fire-and-forget command was refused or dead-lettered. */
export interface CommandFailedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "command.failed";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: CommandFailed;
}

/** Make the app the second factor, by a code of it. */
export interface ConfirmTotp {
  /** That of `auth.totp_enroll`. */
  readonly enrolment: string;
  readonly otp: string;
}

/** Write a post; it belongs to the user who asks. */
export interface CreatePost {
  readonly title: string;
  /** Line feeds and tabs are the only control characters; a request has at most 64 KiB. */
  readonly body: string;
}

/** Sign a user up. */
export interface CreateProfile {
  readonly first_name: string;
  /** Null, or none: some have one name only. */
  readonly last_name?: string | null | undefined;
  readonly email: string;
  /** 8 characters to 72 bytes of UTF-8 after NFKC, without NUL; to 1024 with argon2id. */
  readonly password: string;
  readonly role?: Role | null | undefined;
  /** What you keep about the user: 32 at most, of 4 KiB in all. */
  readonly attributes?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Delete a post. */
export interface DeletePost {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly expected_version?: number | null | undefined;
}

/** Delete a profile. Its e-mail address is free at once. */
export interface DeleteProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly expected_version?: number | null | undefined;
}

/** What is left to say of a post that was deleted. */
export interface DeletedPost {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  readonly status: PostStatus;
  /** RFC 3339, UTC, milliseconds. */
  readonly deleted_at: string;
}

/** What is left to say of a profile that was deleted. */
export interface DeletedProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** As it is now: it may have been restored since. */
  readonly status: Status;
  /** When it was deleted; of one that was restored since, its last change. */
  readonly deleted_at: string;
}

/** Ask for a secret for an app that shows codes (TOTP, RFC 6238). */
export interface EnrollTotp {
  readonly current_password: string;
}

/** Scrub everything personal about a user, for good (GDPR, article 17). Posts follow in seconds. */
export interface EraseProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly expected_version?: number | null | undefined;
}

/** What is left of a profile that was erased: a name that nobody else will have. */
export interface ErasedProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  readonly status: "erased";
  /** 1 at first, then 1 more with each applied change. */
  readonly version: number;
  /** RFC 3339, UTC, milliseconds. */
  readonly erased_at: string;
}

/** Why a request was not carried out. */
export interface ErrorBody {
  readonly code: ErrorCode;
  /** The precise reason, in snake case. The list is open. */
  readonly reason: string;
  /** A sentence for people. Do not match on it. */
  readonly message: string;
  /** True if the same request may succeed later. */
  readonly retryable: boolean;
  /** How long to wait before that, in milliseconds. */
  readonly retry_after_ms?: number | null;
  readonly details?: readonly (ErrorDetail)[] | null;
}

/** The kind of a refusal. The list is closed: clients may switch on it. */
export type ErrorCode = "invalid" | "unauthenticated" | "forbidden" | "not_found" | "conflict" | "rate_limited" | "deadline_exceeded" | "unavailable" | "internal";

/** One field that the error is about. It never holds the value of that field. */
export interface ErrorDetail {
  /** Name of the field, also of what is within it. */
  readonly field: string;
  /** What is wrong with it, in snake case. */
  readonly reason: string;
}

/** Read everything that is held about a user (GDPR, articles 15 and 20), page by page. */
export interface ExportProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** How many posts at most. */
  readonly limit?: number | null | undefined;
  /** `next_cursor` of the page before, with the same filters. */
  readonly cursor?: string | null | undefined;
}

/** What is held about a user: all of it is the posts of every page, and the rest of any. */
export interface ExportedProfile {
  /** As it is stored, but for secrets. Later versions may hold more. */
  readonly profile: Readonly<Record<string, unknown>>;
  readonly sessions: readonly (Readonly<Record<string, unknown>>)[];
  /** Deleted ones too, the oldest first. */
  readonly posts: readonly (Readonly<Record<string, unknown>>)[];
  /** Where the next posts begin. Null at the end of them. */
  readonly next_cursor: string | null;
}

/** Find the profile that has an address, in whatever spelling. */
export interface FindProfile {
  readonly email: string;
  /** If nobody has the address: the profile that had it when it was deleted last. */
  readonly include_deleted?: boolean | null | undefined;
}

/** Read one post. */
export interface GetPost {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
}

/** Read one profile. */
export interface GetProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
}

/** A public Ed25519 key (RFC 8037). */
export interface JsonWebKey {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** The public key, base64url. */
  readonly x: string;
  /** Its RFC 7638 thumbprint; tokens name it in their header. */
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
}

/** The keys whose tokens are valid now (RFC 7517). Keep it for ten minutes at most. */
export interface JsonWebKeySet {
  readonly keys: readonly (JsonWebKey)[];
}

/** The keys of `auth.keys` have changed: ask for them again. */
export interface KeysRotated {
  /** The keys whose tokens are valid now. */
  readonly kids: readonly (string)[];
}

/** Ask for the public keys that access tokens are verified with. */
export interface ListKeys {
}

/** Read many posts, the newest first. */
export interface ListPosts {
  /** Whose posts; without it, those of all users. */
  readonly user_id?: string | null | undefined;
  /** How many at most. */
  readonly limit?: number | null | undefined;
  /** `next_cursor` of the page before, with the same filters. */
  readonly cursor?: string | null | undefined;
}

/** Read many profiles: the newest first, or by address. */
export interface ListProfiles {
  /** How many at most. */
  readonly limit?: number | null | undefined;
  /** `next_cursor` of the page before, with the same filters. */
  readonly cursor?: string | null | undefined;
  readonly status?: SettableStatus | null | undefined;
  readonly role?: Role | null | undefined;
  /** How the address begins, in whatever spelling. The list is then in alphabetical order. */
  readonly email_prefix?: string | null | undefined;
}

/** Ask where a user is logged in. */
export interface ListSessions {
  /** If it is not the user who asks. */
  readonly user_id?: string | null | undefined;
}

/** Exchange an e-mail address and a password for tokens. */
export interface LogIn {
  readonly email: string;
  readonly password: string;
  /** That of the last login of this user on this device: strangers can't lock it out. */
  readonly device_token?: string | null | undefined;
  /** A code of the app, or a recovery code, if there is a second factor. */
  readonly otp?: string | null | undefined;
  /** Of a session that ends: the new one takes its place. If it is not good, none ends. */
  readonly refresh_token?: string | null | undefined;
}

/** End sessions of the user who asks, or as administrator of another one. */
export interface LogOut {
  /** Which; unless `session_id` names one. */
  readonly scope?: Scope | null | undefined;
  /** One of `auth.sessions`, or the present one. */
  readonly session_id?: string | null | undefined;
  /** Whose, as administrator: with `session_id`, or with the scope `global`. */
  readonly user_id?: string | null | undefined;
  /** Of a user who ends other sessions than this one, if the service asks for it. */
  readonly current_password?: string | null | undefined;
}

/** How many sessions ended. */
export interface LoggedOut {
  readonly revoked: number;
}

/** Whose password was set. */
export interface PasswordReset {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly profile_id: string;
}

/** A post as everybody sees it. */
export interface Post {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** MongoDB's ObjectId. */
  readonly oid: string;
  /** The profile of the user whose post it is. */
  readonly user_id: string;
  readonly title: string;
  readonly body: string;
  readonly status: PostStatus;
  /** RFC 3339, UTC, milliseconds. */
  readonly created_at: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly updated_at: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly version: number;
}

/** A post was written. */
export interface PostCreatedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "post.created";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: PostEvent;
}

/** A post was deleted. */
export interface PostDeletedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "post.deleted";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: PostEvent;
}

/** Something happened to a post. */
export interface PostEvent {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly user_id: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly version: number;
  /** Names of the fields that have changed. */
  readonly changed: readonly (string)[];
}

/** Some posts, and where the next ones are. Deleted posts are in no list. */
export interface PostPage {
  readonly items: readonly (Post)[];
  /** Where the next page begins. Null at the end of the list. */
  readonly next_cursor: string | null;
}

/** Where a post is in its life. */
export type PostStatus = "active" | "deleted";

/** A post has changed. */
export interface PostUpdatedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "post.updated";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: PostEvent;
}

/** A profile as its owner, administrators and trusted services see it. It never holds a password hash. */
export interface Profile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** MongoDB's ObjectId. */
  readonly oid: string;
  readonly first_name: string;
  /** Empty for whoever has none. */
  readonly last_name: string;
  readonly email: string;
  readonly role: Role;
  readonly status: Status;
  /** RFC 3339, UTC, milliseconds. */
  readonly created_at: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly updated_at: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly version: number;
  /** Whether the user is known to read the mails to this address. */
  readonly email_verified: boolean;
  readonly attributes?: Readonly<Record<string, string | number | number | boolean>>;
  /** Whether a login needs a code, too: `otp`. */
  readonly totp_enrolled: boolean;
}

/** A user has signed up. */
export interface ProfileCreatedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "profile.created";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: ProfileEvent;
}

/** A profile was deleted. */
export interface ProfileDeletedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "profile.deleted";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: ProfileEvent;
}

/** Everything personal about a user was erased, for good. */
export interface ProfileErasedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "profile.erased";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: ProfileEvent;
}

/** Something happened to a profile. */
export interface ProfileEvent {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly version: number;
  /** Names of the fields that have changed; `password` is one. */
  readonly changed: readonly (string)[];
}

/** Some profiles, and where the next ones are. Deleted profiles are in no list. */
export interface ProfilePage {
  readonly items: readonly (Profile)[];
  /** Where the next page begins. Null at the end of the list. */
  readonly next_cursor: string | null;
}

/** A profile has changed. */
export interface ProfileUpdatedEvent {
  readonly specversion: "1.0";
  /** Names this event for ever; one that comes twice has the same. */
  readonly id: string;
  readonly source: "/profile-service";
  /** What has happened; the routing key is the same. */
  readonly type: "profile.updated";
  /** The id of the profile, post or session that it happened to; `keys`, or a queue. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: ProfileEvent;
}

/** A profile as any other user sees it. */
export interface PublicProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  readonly first_name: string;
  readonly last_name: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly created_at: string;
}

/** Codes that stand in for the app, once each. They are shown this once. */
export interface RecoveryCodes {
  readonly recovery_codes: readonly (string)[];
}

/** Exchange a refresh token for new tokens. Sent again, it gives the same until that is used. */
export interface Refresh {
  readonly refresh_token: string;
}

/** Take the second factor away: one's own, or as administrator that of another user. */
export interface RemoveTotp {
  /** If it is not the user who asks. */
  readonly id?: string | null | undefined;
  /** Required of users for their own. */
  readonly current_password?: string | null | undefined;
}

/** Set a new password by a token; all sessions end. */
export interface ResetPassword {
  readonly token: string;
  /** 8 characters to 72 bytes of UTF-8 after NFKC, without NUL; to 1024 with argon2id. */
  readonly new_password: string;
}

/** What to send, to which address, and whose it is. */
export interface ResetStarted {
  /** Good once, and until the password or the address changes. Send it to that address. */
  readonly token: string;
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly profile_id: string;
  /** Send it there. What was typed may be the address of somebody else. */
  readonly email: string;
  /** Seconds until it expires. */
  readonly expires_in: number;
}

/** Bring a deleted profile back, if its address is still free. Its posts follow. */
export interface RestoreProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** 1 at first, then 1 more with each applied change. */
  readonly expected_version?: number | null | undefined;
}

/** What a user may do: `admin` may act on every profile. */
export type Role = "user" | "admin";

/** Which sessions end: this one, all but this one, or all. */
export type Scope = "local" | "others" | "global";

/** One login of a user. A gateway says where it was, by the headers `x-client-ip` and `x-user-agent`. */
export interface Session {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly created_at: string;
  /** When its refresh token was used last. */
  readonly last_used_at: string;
  /** The address of IPv4, or the network (/64) of IPv6. */
  readonly client_ip?: string;
  readonly user_agent?: string;
  /** Whether it is the one that is asked in. */
  readonly current: boolean;
}

/** All sessions of a user, the one that was used last first. */
export interface SessionList {
  readonly items: readonly (Session)[];
}

/** Sessions of a user ended before their time: their access tokens are dead. */
export interface SessionRevoked {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly user_id: string;
  /** Which; if none is named, all of them. */
  readonly session_ids: readonly (string)[];
  /** Not one of them: the session that began when the password was changed. */
  readonly spared_session_id?: string | null;
  /** Of all of them, those that were opened before this, in milliseconds since 1970. The first 48 bits of a session's id, a UUID of version 7, are when it was opened. */
  readonly revoked_before?: number | null;
  /** `logout`, `login`, `password_changed`, `suspended`, `role_changed`, `deleted`, `reuse` or `too_many_sessions`. */
  readonly reason: string;
}

/** The statuses that an administrator may set; deleting has an operation of its own. */
export type SettableStatus = "active" | "suspended";

/** Ask for a token by which the user with this address sets a new password. */
export interface StartReset {
  readonly email: string;
}

/** Ask for a token to send to the address of a profile: who has it reads the mails there. */
export interface StartVerification {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
}

/** Where a profile is in its life. */
export type Status = "active" | "suspended" | "deleted";

/** Whether an access token is good. Of a dead one nothing else is said (RFC 7662, 2.2). */
export interface TokenIntrospection {
  readonly active: boolean;
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly sub?: string;
  /** The session. */
  readonly sid?: string;
  readonly role?: Role;
  /** When it expires, in seconds since 1970. */
  readonly exp?: number;
}

/** What a user holds after logging in. */
export interface Tokens {
  /** A JWT, `typ` at+jwt, EdDSA (RFC 9068). Send it as the header `authorization`. */
  readonly access_token: string;
  readonly token_type: "Bearer";
  /** Seconds until the access token expires. */
  readonly expires_in: number;
  /** Good for one `auth.refresh`, which gives the next one. */
  readonly refresh_token: string;
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly profile_id: string;
  /** By `auth.login`, for the next one on this device. It lets nobody in. */
  readonly device_token?: string;
}

/** What an app needs. It is the second factor once `auth.totp_confirm` has come with a code of it. */
export interface TotpEnrolment {
  /** In base32, to be typed. */
  readonly secret: string;
  /** The same as `otpauth://`, to be shown as a QR code. */
  readonly uri: string;
  /** For `auth.totp_confirm`. */
  readonly enrolment: string;
  /** Seconds until it expires. */
  readonly expires_in: number;
}

/** Take back the wrong passwords that strangers have tried, so that the user can log in at once. */
export interface UnlockAccount {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
}

/** The account is unlocked: there is no more to say. */
export interface Unlocked {
}

/** Change some fields of a post; at least one has to be named. */
export interface UpdatePost {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** Refuse the change if the post has moved on from here. */
  readonly expected_version?: number | null | undefined;
  readonly title?: string | null | undefined;
  /** Line feeds and tabs are the only control characters; a request has at most 64 KiB. */
  readonly body?: string | null | undefined;
}

/** Change some fields of a profile; at least one has to be named. */
export interface UpdateProfile {
  /** A UUID, version 7 when made by this service (RFC 9562). */
  readonly id: string;
  /** Refuse the change if the profile has moved on from here. */
  readonly expected_version?: number | null | undefined;
  readonly first_name?: string | null | undefined;
  /** Null, or none: some have one name only. */
  readonly last_name?: string | null | undefined;
  readonly email?: string | null | undefined;
  /** Required of users who change their own e-mail. */
  readonly current_password?: string | null | undefined;
  /** Administrators only. */
  readonly role?: Role | null | undefined;
  /** Administrators only. */
  readonly status?: SettableStatus | null | undefined;
  /** Those that change; null removes one. The others stay. */
  readonly attributes?: Readonly<Record<string, unknown>> | null | undefined;
}

/** What to send, and to which address. */
export interface VerificationStarted {
  /** Good once, and until the password or the address changes. Send it to that address. */
  readonly token: string;
  readonly email: string;
  /** Seconds until it expires. */
  readonly expires_in: number;
}

/** Show that the mails to an address are read. */
export interface VerifyEmail {
  readonly token: string;
}

/** Ask whether an access token is good at this moment (RFC 7662). */
export interface VerifyToken {
  readonly token: string;
}

/** Requests and results, by operation. */
export interface Operations {
  "profile.create": { request: CreateProfile; result: Profile };
  "profile.get": { request: GetProfile; result: Profile | PublicProfile };
  "profile.update": { request: UpdateProfile; result: Profile };
  "profile.delete": { request: DeleteProfile; result: DeletedProfile };
  "profile.list": { request: ListProfiles; result: ProfilePage };
  "profile.find": { request: FindProfile; result: Profile };
  "profile.restore": { request: RestoreProfile; result: Profile };
  "profile.erase": { request: EraseProfile; result: ErasedProfile };
  "profile.export": { request: ExportProfile; result: ExportedProfile };
  "auth.login": { request: LogIn; result: Tokens };
  "auth.refresh": { request: Refresh; result: Tokens };
  "auth.logout": { request: LogOut; result: LoggedOut };
  "auth.sessions": { request: ListSessions; result: SessionList };
  "auth.unlock": { request: UnlockAccount; result: Unlocked };
  "auth.verify": { request: VerifyToken; result: TokenIntrospection };
  "auth.change_password": { request: ChangePassword; result: Tokens };
  "auth.start_reset": { request: StartReset; result: ResetStarted };
  "auth.reset_password": { request: ResetPassword; result: PasswordReset };
  "auth.start_verification": { request: StartVerification; result: VerificationStarted };
  "auth.verify_email": { request: VerifyEmail; result: Profile };
  "auth.totp_enroll": { request: EnrollTotp; result: TotpEnrolment };
  "auth.totp_confirm": { request: ConfirmTotp; result: RecoveryCodes };
  "auth.totp_remove": { request: RemoveTotp; result: Profile };
  "auth.keys": { request: ListKeys; result: JsonWebKeySet };
  "post.create": { request: CreatePost; result: Post };
  "post.get": { request: GetPost; result: Post };
  "post.update": { request: UpdatePost; result: Post };
  "post.delete": { request: DeletePost; result: DeletedPost };
  "post.list": { request: ListPosts; result: PostPage };
}

export type OperationName = keyof Operations;

/** Whether an operation is a command, and whether it may be sent again after a lost reply. */
export const OPERATIONS: Record<OperationName, { isCommand: boolean; isResendable: boolean }> = {
  "profile.create": { isCommand: true, isResendable: true },
  "profile.get": { isCommand: false, isResendable: true },
  "profile.update": { isCommand: true, isResendable: true },
  "profile.delete": { isCommand: true, isResendable: true },
  "profile.list": { isCommand: false, isResendable: true },
  "profile.find": { isCommand: false, isResendable: true },
  "profile.restore": { isCommand: true, isResendable: true },
  "profile.erase": { isCommand: true, isResendable: true },
  "profile.export": { isCommand: false, isResendable: true },
  "auth.login": { isCommand: true, isResendable: false },
  "auth.refresh": { isCommand: true, isResendable: true },
  "auth.logout": { isCommand: true, isResendable: true },
  "auth.sessions": { isCommand: false, isResendable: true },
  "auth.unlock": { isCommand: true, isResendable: true },
  "auth.verify": { isCommand: false, isResendable: true },
  "auth.change_password": { isCommand: true, isResendable: false },
  "auth.start_reset": { isCommand: false, isResendable: true },
  "auth.reset_password": { isCommand: true, isResendable: true },
  "auth.start_verification": { isCommand: false, isResendable: true },
  "auth.verify_email": { isCommand: true, isResendable: true },
  "auth.totp_enroll": { isCommand: false, isResendable: true },
  "auth.totp_confirm": { isCommand: true, isResendable: false },
  "auth.totp_remove": { isCommand: true, isResendable: true },
  "auth.keys": { isCommand: false, isResendable: true },
  "post.create": { isCommand: true, isResendable: true },
  "post.get": { isCommand: false, isResendable: true },
  "post.update": { isCommand: true, isResendable: true },
  "post.delete": { isCommand: true, isResendable: true },
  "post.list": { isCommand: false, isResendable: true },
};

/** The fields of requests in which null says something: it is sent. Elsewhere it is not. */
export const NULLABLE: Partial<Record<OperationName, ReadonlySet<string>>> = {
  "profile.create": new Set(["last_name"]),
  "profile.update": new Set(["last_name"]),
};

/** Any event. `type` tells which. */
export type ProfileServiceEvent =
  | ProfileCreatedEvent
  | ProfileUpdatedEvent
  | ProfileDeletedEvent
  | ProfileErasedEvent
  | PostCreatedEvent
  | PostUpdatedEvent
  | PostDeletedEvent
  | AuthSessionRevokedEvent
  | AuthKeysRotatedEvent
  | CommandFailedEvent;

export const EVENT_TYPES: ReadonlySet<string> = new Set([
  "profile.created",
  "profile.updated",
  "profile.deleted",
  "profile.erased",
  "post.created",
  "post.updated",
  "post.deleted",
  "auth.session_revoked",
  "auth.keys_rotated",
  "command.failed",
]);

/** Every operation of the profile service: what the client has, and a fake of it may have. */
export abstract class ProfileApi {
  abstract call<Name extends OperationName>(
    operation: Name,
    request: Operations[Name]["request"],
    token?: string | null,
    options?: CallOptions,
  ): Promise<Operations[Name]["result"]>;

  /** Sign a user up. */
  createProfile(request: CreateProfile, token?: string | null, options?: CallOptions): Promise<Profile> {
    return this.call("profile.create", request, token, options);
  }

  /** Read a profile: all of it as its owner, administrator or trusted service, else the public view. */
  getProfile(request: GetProfile, token?: string | null, options?: CallOptions): Promise<Profile | PublicProfile> {
    return this.call("profile.get", request, token, options);
  }

  /** Change some fields of a profile. */
  updateProfile(request: UpdateProfile, token?: string | null, options?: CallOptions): Promise<Profile> {
    return this.call("profile.update", request, token, options);
  }

  /** Delete a profile; its e-mail address is free at once. */
  deleteProfile(request: DeleteProfile, token?: string | null, options?: CallOptions): Promise<DeletedProfile> {
    return this.call("profile.delete", request, token, options);
  }

  /** Read many profiles, page by page. */
  listProfiles(request: ListProfiles, token?: string | null, options?: CallOptions): Promise<ProfilePage> {
    return this.call("profile.list", request, token, options);
  }

  /** Find the profile that has an e-mail address, or had it when it was deleted. */
  findProfile(request: FindProfile, token?: string | null, options?: CallOptions): Promise<Profile> {
    return this.call("profile.find", request, token, options);
  }

  /** Bring a deleted profile back, and with it the posts that went with it. */
  restoreProfile(request: RestoreProfile, token?: string | null, options?: CallOptions): Promise<Profile> {
    return this.call("profile.restore", request, token, options);
  }

  /** Scrub everything personal about a user, for good; the posts follow within seconds. */
  eraseProfile(request: EraseProfile, token?: string | null, options?: CallOptions): Promise<ErasedProfile> {
    return this.call("profile.erase", request, token, options);
  }

  /** Read everything that is held about a user, page by page. */
  exportProfile(request: ExportProfile, token?: string | null, options?: CallOptions): Promise<ExportedProfile> {
    return this.call("profile.export", request, token, options);
  }

  /** Exchange an e-mail address and a password for tokens. */
  logIn(request: LogIn, options?: CallOptions): Promise<Tokens> {
    return this.call("auth.login", request, null, options);
  }

  /** Exchange a refresh token for new tokens. */
  refresh(request: Refresh, options?: CallOptions): Promise<Tokens> {
    return this.call("auth.refresh", request, null, options);
  }

  /** End this session, all others, all, or the one that is named. */
  logOut(request: LogOut, token: string, options?: CallOptions): Promise<LoggedOut> {
    return this.call("auth.logout", request, token, options);
  }

  /** List where a user is logged in. */
  listSessions(request: ListSessions, token?: string | null, options?: CallOptions): Promise<SessionList> {
    return this.call("auth.sessions", request, token, options);
  }

  /** Take back the wrong passwords that strangers have tried. */
  unlockAccount(request: UnlockAccount, token?: string | null, options?: CallOptions): Promise<Unlocked> {
    return this.call("auth.unlock", request, token, options);
  }

  /** Tell whether an access token is good at this moment. */
  verifyToken(request: VerifyToken, options?: CallOptions): Promise<TokenIntrospection> {
    return this.call("auth.verify", request, null, options);
  }

  /** Change the password; all sessions end, and the user gets tokens of a new one. */
  changePassword(request: ChangePassword, token: string, options?: CallOptions): Promise<Tokens> {
    return this.call("auth.change_password", request, token, options);
  }

  /** Get a token by which a forgotten password is reset, to send to its user. */
  startReset(request: StartReset, options?: CallOptions): Promise<ResetStarted> {
    return this.call("auth.start_reset", request, null, options);
  }

  /** Set a new password by a token that was sent to the user; all sessions end. */
  resetPassword(request: ResetPassword, options?: CallOptions): Promise<PasswordReset> {
    return this.call("auth.reset_password", request, null, options);
  }

  /** Get a token to send to the address of a profile, by which it is verified. */
  startVerification(request: StartVerification, token?: string | null, options?: CallOptions): Promise<VerificationStarted> {
    return this.call("auth.start_verification", request, token, options);
  }

  /** Verify an e-mail address by a token that was sent to it. */
  verifyEmail(request: VerifyEmail, options?: CallOptions): Promise<Profile> {
    return this.call("auth.verify_email", request, null, options);
  }

  /** Get a secret for an app that shows codes. */
  enrollTotp(request: EnrollTotp, token: string, options?: CallOptions): Promise<TotpEnrolment> {
    return this.call("auth.totp_enroll", request, token, options);
  }

  /** Make an app the second factor, by a code of it; from then on each login needs one. */
  confirmTotp(request: ConfirmTotp, token: string, options?: CallOptions): Promise<RecoveryCodes> {
    return this.call("auth.totp_confirm", request, token, options);
  }

  /** Take the second factor away. */
  removeTotp(request: RemoveTotp, token: string, options?: CallOptions): Promise<Profile> {
    return this.call("auth.totp_remove", request, token, options);
  }

  /** List the public keys that access tokens are verified with. */
  keys(options?: CallOptions): Promise<JsonWebKeySet> {
    return this.call("auth.keys", {}, null, options);
  }

  /** Write a post. */
  createPost(request: CreatePost, token: string, options?: CallOptions): Promise<Post> {
    return this.call("post.create", request, token, options);
  }

  /** Read a post. */
  getPost(request: GetPost, options?: CallOptions): Promise<Post> {
    return this.call("post.get", request, null, options);
  }

  /** Change some fields of a post. */
  updatePost(request: UpdatePost, token: string, options?: CallOptions): Promise<Post> {
    return this.call("post.update", request, token, options);
  }

  /** Delete a post. */
  deletePost(request: DeletePost, token: string, options?: CallOptions): Promise<DeletedPost> {
    return this.call("post.delete", request, token, options);
  }

  /** Read many posts, page by page. */
  listPosts(request: ListPosts, options?: CallOptions): Promise<PostPage> {
    return this.call("post.list", request, null, options);
  }
}
