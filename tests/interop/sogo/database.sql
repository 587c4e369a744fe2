-- The people of the checks. SOGo makes every other table by itself.
create user sogo with password 'sogo';
create database sogo owner sogo;
\connect sogo sogo
create table people (
    c_uid varchar(60) primary key,
    c_name varchar(60) not null,
    c_password varchar(60) not null,
    c_cn varchar(60) not null,
    mail varchar(60) not null
);
insert into people values ('ann', 'ann', 'secret', 'Ann', 'ann@interop.test'), ('ben', 'ben', 'secret', 'Ben', 'ben@interop.test'),
    ('cleo', 'cleo', 'secret', 'Cleo', 'cleo@interop.test');
